import { isObject, parseJson } from '../json.ts'

/**
 * Reasoning that another family of providers wrote has no field on this wire but `thoughtSignature`, which clients send
 * back with the part it stands on. What we put there is base64 (SDKs read the field as bytes) of this mark and JSON. It is
 * no secret, only opaque, and never reaches Google.
 */
const MARK = '\u0000wbt1'
/** What every sealed value begins with. */
const SEALED = Buffer.from(MARK).toString('base64').slice(0, 6)

/** A block of reasoning; `text` is there when a proof covers it. */
export interface SealedReasoning {
  readonly format?: string
  readonly id?: string
  readonly text?: string
  readonly summary?: string
  readonly signature?: string
  readonly encrypted?: string
  /** Text of the answer came between the call before and this reasoning. */
  readonly place?: 'after-text'
}

/** Several blocks of reasoning, and Google's own signature of the part if it has one, as one `thoughtSignature`. */
export function seal(reasoning: readonly SealedReasoning[], own = ''): string {
  return Buffer.from(MARK + JSON.stringify({ reasoning, ...(own !== '' && { own }) })).toString('base64')
}

/** What was sealed; a signature that is not ours is the part's own. Damaged ones are empty. */
export function unseal(signature: string): { reasoning: readonly SealedReasoning[]; own: string } {
  if (!isSealed(signature)) return { reasoning: [], own: signature }
  // SDKs may write the bytes back in the URL alphabet.
  const bytes = Buffer.from(signature.replaceAll('-', '+').replaceAll('_', '/'), 'base64')
  const sealed = parseJson(bytes.toString('utf8').slice(MARK.length))
  if (!isObject(sealed) || !Array.isArray(sealed['reasoning'])) return { reasoning: [], own: '' }
  const reasoning = sealed['reasoning'].filter(isReasoning)
  return { reasoning, own: typeof sealed['own'] === 'string' ? sealed['own'] : '' }
}

export const isSealed = (signature: unknown): boolean =>
  typeof signature === 'string' && signature.startsWith(SEALED)

const isReasoning = (value: unknown): value is SealedReasoning =>
  isObject(value) && Object.values(value).every((member) => typeof member === 'string')
