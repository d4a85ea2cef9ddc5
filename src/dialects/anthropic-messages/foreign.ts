import { CLAUDE_FORMAT } from './wire.ts'

const LETTERS = { signature: 's', encrypted: 'e', text: 't' } as const
const KINDS = { s: 'signature', e: 'encrypted', t: 'text' } as const

/** Proof of reasoning: a signature of its text, or all of it encrypted; or text that has to come back, though no client reads it. */
export interface Proof {
  /** Provider family that can read it. */
  readonly format: string
  readonly kind: keyof typeof LETTERS
  readonly id?: string
  readonly value: string
}

/** Claude's proofs are base64: a colon never stands in one. */
const TAGGED = /^([a-z0-9-]+):([set]):([^:]*):/

/**
 * A proof for a client of this API: Claude's own as it is, others marked with family, kind and id, so that they come back
 * to the provider that can read them and never reach Claude as forged signatures.
 */
export function tag({ format, kind, id, value }: Proof): string {
  return format === CLAUDE_FORMAT
    ? value
    : `${format}:${LETTERS[kind]}:${encodeURIComponent(id ?? '')}:${value}`
}

/** The reverse of `tag`; `kind` is what the place of an unmarked one says. */
export function untag(tagged: string, kind: Proof['kind']): Proof {
  const match = TAGGED.exec(tagged)
  if (match === null) return { format: CLAUDE_FORMAT, kind, value: tagged }
  const [whole, format = '', letter, id = ''] = match
  return {
    format,
    kind: KINDS[letter as keyof typeof KINDS],
    ...(id !== '' && { id: decode(id) }),
    value: tagged.slice(whole.length),
  }
}

function decode(id: string): string {
  try {
    return decodeURIComponent(id)
  } catch {
    return id
  }
}
