import { isDeepStrictEqual } from 'node:util'
import type { Answer } from './answer.ts'

/** What is compared, by name; `format`: the client's format was broken. */
export type Facet =
  | 'format'
  | 'candidates'
  | 'text'
  | 'tools'
  | 'reasoning'
  | 'proofs'
  | 'citations'
  | 'finish'
  | 'usage'
  | 'error'
  | 'retry-after'

export interface Difference {
  readonly facet: Facet
  readonly told: unknown
  readonly got: unknown
}

/** Where what a client got is not what the provider said. */
export function differences(told: Answer, got: Answer): Difference[] {
  const found: Difference[] = []
  const same = (facet: Facet, a: unknown, b: unknown) => {
    if (!isDeepStrictEqual(a, b)) found.push({ facet, told: a, got: b })
  }
  const [a, b] = [told.error, got.error]
  same('error', a && { status: a.status, type: a.type }, b && { status: b.status, type: b.type })
  same('retry-after', a?.retryAfter ?? null, b?.retryAfter ?? null)
  // A call that broke off is nobody's; what was said before is shown where the answer had begun.
  const facets = a === null ? ALL : (['text', 'reasoning'] as const)
  if (a === null) same('candidates', told.choices.length, got.choices.length)
  for (const [i, choice] of told.choices.entries()) {
    const other = got.choices[i]
    if (other === undefined) continue
    for (const facet of facets) same(facet, choice[facet], other[facet])
  }
  if (a === null && told.usage !== null) same('usage', told.usage, got.usage)
  return found
}

const ALL = ['text', 'reasoning', 'tools', 'proofs', 'citations', 'finish'] as const
