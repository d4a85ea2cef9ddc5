import type { Boundaries } from './step.ts'

/** Splits a body into the pieces that are written one by one; their concatenation is the body. */
export function pieces(body: Buffer, boundaries: Boundaries): Buffer[] {
  if (body.length === 0) return []
  if (boundaries === 'whole') return [body]
  if (boundaries === 'bytes') return Array.from(body, (_byte, i) => body.subarray(i, i + 1))
  if (boundaries === 'events') return events(body)
  const random = generator(boundaries.seed)
  const parts: Buffer[] = []
  for (let at = 0; at < body.length; ) {
    const size = 1 + Math.floor(random() * boundaries.max)
    parts.push(body.subarray(at, at + size))
    at += size
  }
  return parts
}

function events(body: Buffer): Buffer[] {
  const parts: Buffer[] = []
  let at = 0
  for (const match of body.toString('latin1').matchAll(/\r?\n\r?\n/g)) {
    const end = match.index + match[0].length
    parts.push(body.subarray(at, end))
    at = end
  }
  if (at < body.length) parts.push(body.subarray(at))
  return parts
}

/** Numbers in [0, 1) from a seed (xorshift32). */
export function generator(seed: number): () => number {
  let state = seed | 0 || 1
  return () => {
    state ^= state << 13
    state ^= state >>> 17
    state ^= state << 5
    return (state >>> 0) / 2 ** 32
  }
}
