import { isDeepStrictEqual } from 'node:util'
import type { Choice } from './answer.ts'
import type { Case } from './cases.ts'
import type { Difference } from './compare.ts'
import { geminiArray } from './surfaces/gemini-array.ts'
import type { ClientSurface } from './surfaces/index.ts'

/** Something that a format cannot say, and how a client of it learns of it instead. */
interface Exception {
  readonly why: string
  /** Is the difference this one and nothing else? */
  excuses(difference: Difference, surface: ClientSurface, at: Case): boolean
}

const isOne = (surface: ClientSurface, ...dialects: string[]): boolean => dialects.includes(surface.dialect)

const EXCEPTIONS: readonly Exception[] = [
  {
    why: 'Messages and Responses hold one candidate: `n` cannot be asked for there, and the first of the two that the recording holds is what the client gets.',
    excuses: ({ facet, got }, surface) =>
      facet === 'candidates' && isOne(surface, 'anthropic-messages', 'openai-responses') && got === 1,
  },
  {
    why: "Responses tells a full context as a response that ended as `incomplete` for want of room, status 200, as OpenRouter's does; not as an HTTP error.",
    excuses: ({ facet, told, got }, surface) =>
      facet === 'error' &&
      isOne(surface, 'openai-responses') &&
      got === null &&
      isDeepStrictEqual(told, { status: 400, type: 'context_length_exceeded' }),
  },
  {
    why: "Code that Google ran itself: only a generateContent client can ask for that and send it back. Others read the code and what came of it; the signature on the code, which is of use only with it, stays out, and the text's own comes back.",
    excuses: ({ facet, told, got }, surface, { format, recorded }) =>
      facet === 'proofs' &&
      format === 'gemini' &&
      !isOne(surface, 'gemini') &&
      recorded.category === 'server-tool' &&
      (got as string[]).every((proof) => (told as string[]).includes(proof)),
  },
]

/** Why a difference is none to be mended; null when it is a fault. */
export function excuse(difference: Difference, surface: ClientSurface, at: Case): string | null {
  return EXCEPTIONS.find((exception) => exception.excuses(difference, surface, at))?.why ?? null
}

/** Can a client of the surface ask for, and be told, what the recording holds? */
export function canExpress(surface: ClientSurface, { told, recorded }: Case): boolean {
  const { kind, status } = recorded.response
  if (surface === geminiArray) return kind !== 'json' || status >= 400
  const bare = ({ tools, proofs }: Choice) => tools.length === 0 && proofs.length === 0
  return !isOne(surface, 'openai-completions') || told.choices.every(bare)
}
