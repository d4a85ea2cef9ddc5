import { type Json, list, object, text } from '../json.ts'

/** Log probabilities in the shape of text completions: parallel lists over the tokens. */
export interface TextLogprobs {
  readonly tokens: string[]
  readonly token_logprobs: (number | null)[]
  readonly top_logprobs: Json[]
  /** Where each token begins in the choice's text, characters. */
  readonly text_offset: number[]
}

/**
 * `logprobs` of a chat completion's choice as those of a text completion; null where there are none.
 * @param offset characters of the choice's text before these tokens
 */
export function textLogprobs(chat: unknown, offset: number): TextLogprobs | null {
  const content = list(object(chat)?.['content'])
  if (content.length === 0) return null
  const told: TextLogprobs = { tokens: [], token_logprobs: [], top_logprobs: [], text_offset: [] }
  let at = offset
  for (const item of content) {
    const wire = object(item)
    const token = text(wire?.['token']) ?? ''
    told.tokens.push(token)
    told.token_logprobs.push(logprobOf(wire))
    const others = list(wire?.['top_logprobs']).map(object)
    told.top_logprobs.push(
      Object.fromEntries(others.map((other) => [text(other?.['token']) ?? '', logprobOf(other)])),
    )
    told.text_offset.push(at)
    at += token.length
  }
  return told
}

function logprobOf(wire: Json | null): number | null {
  const value = wire?.['logprob']
  return typeof value === 'number' ? value : null
}
