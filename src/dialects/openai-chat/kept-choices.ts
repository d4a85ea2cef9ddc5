import type { Handover, ReplyMeta } from '../dialect.ts'
import { type Json, list, object } from '../json.ts'
import { Kept } from '../kept.ts'
import type { ReadChoice } from './reader.ts'
import { ChatStreamEncoder } from './stream.ts'

/** Members of a delta after which another endpoint can't go on. */
const ITS_OWN = ['tool_calls', 'function_call', 'refusal', 'images', 'audio'] as const

/** Text as JSON spells it, in bytes (latin1), as the text it is. */
export function wireText(pieces: string): string {
  return JSON.parse(`"${Buffer.from(pieces, 'latin1').toString('utf8')}"`) as string
}

/** Keeps what a chunk that was parsed says. */
export function keepChoices(kept: Kept, choices: readonly ReadChoice[]): void {
  for (const { index, message } of choices) {
    const { content } = message
    if (index !== 0 || ITS_OWN.some((name) => isThere(message[name]))) kept.lose()
    if (isThere(message['reasoning']) || isThere(message['reasoning_details'])) {
      if (kept.open?.kind !== 'reasoning') kept.begin('reasoning', kept.size)
      if (list(message['reasoning_details']).some(isSealed)) kept.begin('reasoning', kept.open!.index, true)
    }
    if (typeof content === 'string' && content !== '') {
      if (kept.open?.kind !== 'text') kept.begin('text', kept.size)
      kept.add(Buffer.from(JSON.stringify(content).slice(1, -1)).toString('latin1'))
    }
  }
}

const isThere = (value: unknown): boolean =>
  Array.isArray(value) ? value.length > 0 : value !== undefined && value !== null && value !== ''

/** A family with a format of its own signs its reasoning, or seals it. */
function isSealed(detail: unknown): boolean {
  const { type, format = 'unknown', signature } = (object(detail) ?? {}) as Json
  return type === 'reasoning.encrypted' || (format !== 'unknown' && format !== null) || isThere(signature)
}

/** An encoder in the state of a client that has been given this, and the account that goes on with it. */
export function resumedEncoder(
  meta: ReplyMeta,
  { open, size }: Kept,
  text: string,
): Pick<Handover, 'kept' | 'encoder'> {
  const kept = new Kept()
  const encoder = new ChatStreamEncoder(meta)
  const index = open?.index ?? size
  const kind = open?.kind ?? 'text'
  kept.begin(kind, index)
  kept.add(text)
  encoder.push({ type: 'block-start', index, block: { kind } })
  return { kept, encoder }
}
