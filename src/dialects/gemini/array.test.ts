import fc from 'fast-check'
import { describe, expect, test } from 'vitest'
import { ArrayFraming } from './array.ts'

const frames = (...chunks: unknown[]) => chunks.map((chunk) => `data: ${JSON.stringify(chunk)}\n\n`).join('')

const through = (bytes: Uint8Array, cuts: readonly number[] = []): string => {
  const framing = new ArrayFraming()
  const out: Uint8Array[] = []
  const places = [0, ...cuts.map((cut) => cut % (bytes.length + 1)).sort((a, b) => a - b), bytes.length]
  for (let i = 0; i + 1 < places.length; i++) {
    const piece = framing.push(bytes.subarray(places[i], places[i + 1]))
    if (piece !== null) out.push(piece)
  }
  out.push(framing.end(null))
  return Buffer.concat(out).toString()
}

describe('a stream as a JSON array', () => {
  test('holds each chunk as it comes, and is closed at the end', () => {
    const framing = new ArrayFraming()
    const text = (bytes: Uint8Array | null) => (bytes === null ? null : Buffer.from(bytes).toString())
    expect(text(framing.push(Buffer.from(frames({ a: 1 }))))).toBe('[{"a":1}')
    expect(text(framing.push(Buffer.from('data: {"b"')))).toBe(null)
    expect(text(framing.push(Buffer.from(':2}\n\n')))).toBe(',\r\n{"b":2}')
    expect(text(framing.end(Buffer.from(frames({ c: 3 }, { error: {} }))))).toBe(
      ',\r\n{"c":3},\r\n{"error":{}}]',
    )
  })

  test('is an empty list when nothing came', () => {
    expect(through(Buffer.from(''))).toBe('[]')
  })

  test('shows a sign of life as white space, which is no element', () => {
    const alive = ': WAYBILL PROCESSING\n\n'
    const told = through(Buffer.from(alive + frames({ a: 1 }) + alive + frames({ b: 2 })))
    expect(told.startsWith('\n')).toBe(true)
    expect(JSON.parse(told)).toEqual([{ a: 1 }, { b: 2 }])
  })

  test('tells an error before the stream as its one element', () => {
    expect(new ArrayFraming().whole('{"error":{}}')).toBe('[{"error":{}}]')
    expect(new ArrayFraming().whole(Buffer.from('{"error":{}}'))).toBe('[{"error":{}}]')
  })

  test('is the same wherever the stream is cut', () => {
    const bytes = Buffer.from(frames({ text: 'grüß 🦄 [data: x]' }, { text: '\n\n' }, { n: [1, 2] }))
    const whole = through(bytes)
    fc.assert(
      fc.property(fc.array(fc.nat(), { maxLength: 8 }), (cuts) => {
        expect(through(bytes, cuts)).toBe(whole)
      }),
      { numRuns: 100 },
    )
    expect(JSON.parse(whole)).toHaveLength(3)
  })
})
