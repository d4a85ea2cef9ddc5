import { everyByte, rechunk } from '../fixtures.ts'
import type { Boundaries } from './step.ts'

/** Splits a body into the pieces that are written one by one; their concatenation is the body. */
export function pieces(body: Buffer, boundaries: Boundaries): Buffer[] {
  if (body.length === 0) return []
  if (boundaries === 'whole') return [body]
  if (boundaries === 'bytes') return everyByte(body).map((byte) => Buffer.from(byte))
  if (boundaries === 'events') return events(body)
  return rechunk(body, boundaries.seed, boundaries.max).map((piece) => Buffer.from(piece))
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
