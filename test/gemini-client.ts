/** A strict reader of generateContent answers, the way Google's SDKs add them up; written without the gateway's code. */

import { sseData } from './chat-client.ts'

// biome-ignore lint/suspicious/noExplicitAny: foreign JSON, read as loosely as a script would
type Json = Record<string, any>

export interface GeminiChoice {
  text: string
  thoughts: string
  calls: { id?: string; name: string; args: Json }[]
  signatures: string[]
  /** Parts as they came, for the next turn. */
  parts: Json[]
  finish: string | null
  grounding: Json | null
}

export interface GeminiAnswer {
  choices: GeminiChoice[]
  usage: Json | null
  error: Json | null
  chunks: Json[]
}

function add(answer: GeminiAnswer, chunk: Json): void {
  if (answer.error !== null) throw new Error('an event after the error')
  answer.chunks.push(chunk)
  if (chunk['usageMetadata']) {
    if (answer.usage !== null) throw new Error('usage twice')
    answer.usage = chunk['usageMetadata']
  }
  answer.error = chunk['error'] ?? null
  for (const candidate of chunk['candidates'] ?? []) {
    const index = candidate.index ?? 0
    answer.choices[index] ??= {
      text: '',
      thoughts: '',
      calls: [],
      signatures: [],
      parts: [],
      finish: null,
      grounding: null,
    }
    const choice = answer.choices[index]
    for (const part of candidate.content?.parts ?? []) {
      choice.parts.push(part)
      if (typeof part.text === 'string') choice[part.thought ? 'thoughts' : 'text'] += part.text
      if (part.functionCall) choice.calls.push(part.functionCall)
      if (part.thoughtSignature) choice.signatures.push(part.thoughtSignature)
    }
    choice.grounding = candidate.groundingMetadata ?? choice.grounding
    if (!candidate.finishReason) continue
    if (choice.finish !== null) throw new Error('a candidate finished twice')
    choice.finish = candidate.finishReason
  }
}

const empty = (): GeminiAnswer => ({ choices: [], usage: null, error: null, chunks: [] })

/** A stream as a client adds it up. Throws when it breaks the contract: usage twice, a second finish, anything after an error. */
export function readGeminiStream(text: string): GeminiAnswer {
  const answer = empty()
  for (const data of sseData(text)) {
    if (data === '[DONE]') throw new Error('an end mark that this format does not have')
    add(answer, JSON.parse(data))
  }
  return answer
}

/** A whole reply. */
export function readGeminiReply(reply: Json): GeminiAnswer {
  const answer = empty()
  add(answer, reply)
  return answer
}
