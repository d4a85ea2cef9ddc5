import { isObject, type Json, parseJson } from '../json.ts'

/**
 * Reasoning of other families (thinking with a signature, signed tool calls) has no field on this wire that every client
 * sends back. `encrypted_content` is one: clients keep it as it is. What stands in it then is ours: this mark and JSON
 * in base64url. It is no secret, only opaque.
 */
const MARK = 'wbr1.'

export type Sealed =
  /** A reasoning block: `text` is set when the signature covers it; `plain` when the shown summary is the text itself. */
  | {
      readonly of: 'reasoning'
      readonly format?: string
      readonly signature?: string
      readonly encrypted?: string
      readonly text?: string
      readonly plain?: true
    }
  /** The signature of a tool call. */
  | { readonly of: 'tool'; readonly id: string; readonly signature: string }
  /** The signature of the text before. */
  | { readonly of: 'text'; readonly signature: string }
  /** What stands for a conversation that was compacted here. */
  | { readonly of: 'summary'; readonly text: string }

/** The value for `encrypted_content`. */
export function seal(sealed: Sealed): string {
  return MARK + Buffer.from(JSON.stringify(sealed)).toString('base64url')
}

/** What was sealed by us; null when the value is a provider's own, or was damaged. */
export function unseal(value: string): Sealed | null {
  if (!isSealed(value)) return null
  const sealed = parseJson(Buffer.from(value.slice(MARK.length), 'base64url').toString('utf8'))
  if (!isObject(sealed)) return null
  const strings = ['format', 'signature', 'encrypted', 'text', 'id'].every((key) => isText(sealed, key))
  const known =
    sealed['of'] === 'reasoning' ||
    (sealed['of'] === 'summary'
      ? typeof sealed['text'] === 'string'
      : typeof sealed['signature'] === 'string')
  return strings && known ? (sealed as unknown as Sealed) : null
}

/** The text that an item stands for, when it is a conversation compacted here; null for any other item. */
export function summaryOf(item: Json | null): string | null {
  if (item?.['type'] !== 'compaction' && item?.['type'] !== 'compaction_summary') return null
  const sealed = unseal(typeof item['encrypted_content'] === 'string' ? item['encrypted_content'] : '')
  return sealed?.of === 'summary' ? `<earlier_conversation>\n${sealed.text}\n</earlier_conversation>` : null
}

export const isSealed = (value: unknown): boolean => typeof value === 'string' && value.startsWith(MARK)

const isText = (source: Json, key: string): boolean =>
  source[key] === undefined || typeof source[key] === 'string'
