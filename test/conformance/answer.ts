/** What an answer says, whatever the format: the ground on which a recording and what a client got are compared. */
export interface Answer {
  readonly choices: Choice[]
  usage: Tokens | null
  error: Failure | null
}

/** One candidate. */
export interface Choice {
  /** Words of refusals and transcripts of sound included. */
  text: string
  reasoning: string
  tools: { name: string; args: unknown }[]
  /** Signatures and sealed thoughts, in order, as the provider gave them. */
  proofs: string[]
  /** Address, or else title or words, of what was cited; without repetitions, sorted. */
  citations: string[]
  finish: Finish | null
}

export type Finish = 'stop' | 'length' | 'tool_calls' | 'content_filter'

export interface Tokens {
  /** All of the prompt, what came from a cache included. */
  prompt: number
  /** All of the output, reasoning included. */
  completion: number
  cacheRead: number
  cacheWrite: number
  reasoning: number
}

export interface Failure {
  /** HTTP status, or the one that an error inside a stream stands for. */
  status: number
  /** OpenRouter's `error_type`. */
  type: string
  /** Seconds of Retry-After; null when there is none. */
  retryAfter: number | null
}

// biome-ignore lint/suspicious/noExplicitAny: foreign JSON, read as loosely as a script would
export type Json = Record<string, any>

export const emptyChoice = (): Choice => ({
  text: '',
  reasoning: '',
  tools: [],
  proofs: [],
  citations: [],
  finish: null,
})

/** Arguments as every client would parse them: nothing is an empty object. Half a text stays as it is. */
export function argsOf(text: string): unknown {
  if (text.trim() === '') return {}
  try {
    return JSON.parse(text) ?? {}
  } catch {
    return text
  }
}

/** Citations as they are compared. */
export function cited(found: readonly (string | null | undefined)[]): string[] {
  return [...new Set(found.filter((it): it is string => typeof it === 'string' && it !== ''))].toSorted()
}
