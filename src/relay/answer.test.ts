import fc from 'fast-check'
import { describe, expect, it } from 'vitest'
import { type AnswerHead, AnswerReader, BrokenAnswer } from './answer.ts'

/** What a reader made of some bytes. */
interface Found {
  status: number
  head: AnswerHead | null
  body: string
  pieces: number
  ended: number
  reusable: boolean
}

/** Reads the pieces as one answer; with `close` the connection ends after them. */
function read(pieces: readonly (string | Buffer)[], close = false): Found {
  const found: Found = { status: 0, head: null, body: '', pieces: 0, ended: 0, reusable: false }
  const reader = new AnswerReader(
    {
      onAnswerHead(status, head) {
        found.status = status
        found.head = head
      },
      onAnswerData(data) {
        found.body += data.toString('latin1')
        found.pieces++
      },
      onAnswerEnd() {
        found.ended++
        found.reusable = reader.reusable
      },
    },
    1_024,
  )
  reader.expect()
  for (const piece of pieces) reader.push(Buffer.from(piece as string, 'latin1'))
  if (close) reader.end()
  return found
}

const CHUNKED = 'HTTP/1.1 200 OK\r\ntransfer-encoding: chunked\r\n\r\n'

function chunks(parts: readonly string[], trailer = ''): string {
  const framed = parts.map((part) => `${part.length.toString(16)};x="y"\r\n${part}\r\n`)
  return `${framed.join('')}0\r\n${trailer}\r\n`
}

/** Cuts a text at the given shares of its length. */
function cut(text: string, shares: readonly number[]): string[] {
  const places = shares.map((share) => Math.floor(share * text.length)).sort((a, b) => a - b)
  return [0, ...places]
    .map((from, i) => text.slice(from, places[i] ?? text.length))
    .filter((part) => part !== '')
}

describe('an answer', () => {
  it('reads the same whatever the reads that brought it', () => {
    const part = fc.string({ unit: 'binary-ascii', minLength: 1, maxLength: 40 })
    const shares = fc.array(fc.double({ min: 0, max: 1, noNaN: true }), { maxLength: 12 })
    fc.assert(
      fc.property(fc.array(part, { maxLength: 8 }), shares, fc.boolean(), (parts, at, chunked) => {
        const body = parts.join('')
        const wire = chunked
          ? CHUNKED + chunks(parts, 'x-trailer: 1\r\nx-more: 2\r\n')
          : `HTTP/1.1 200 OK\r\ncontent-length: ${body.length}\r\n\r\n${body}`
        expect(read(cut(wire, at))).toMatchObject({ status: 200, body, ended: 1, reusable: true })
      }),
      { numRuns: 300 },
    )
  })

  it('never ends well when it was cut short', () => {
    const wire = CHUNKED + chunks(['one', 'two'])
    for (let length = 0; length < wire.length; length++)
      expect(read([wire.slice(0, length)], true).ended).toBe(0)
  })

  it('hands over the chunks of one read as one piece', () => {
    expect(read([CHUNKED + chunks(['one', 'two', 'three'])])).toMatchObject({
      body: 'onetwothree',
      pieces: 1,
    })
  })

  it('looks headers up by any case, and joins what comes twice', () => {
    const { head } = read([
      'HTTP/1.1 200 OK\r\nX-One:a \r\nx-ONE: b\r\nX-One-More: c\r\ncontent-length: 0\r\n\r\n',
    ])
    expect(head!.header('x-one')).toBe('a, b')
    expect(head!.header('x-one-more')).toBe('c')
    expect(head!.header('one')).toBeUndefined()
  })

  it('without a length ends with the connection, which serves nothing more', () => {
    expect(read(['HTTP/1.1 200 OK\r\n\r\nall', ' of it'], true)).toMatchObject({
      body: 'all of it',
      ended: 1,
      reusable: false,
    })
  })

  it.each([
    ['204 has no body', 'HTTP/1.1 204 No Content\r\n\r\n', true],
    ['an empty body', 'HTTP/1.1 200 OK\r\ncontent-length: 0\r\n\r\n', true],
    ['the provider closes', 'HTTP/1.1 200 OK\r\nConnection: Close\r\ncontent-length: 0\r\n\r\n', false],
    ['HTTP/1.0', 'HTTP/1.0 200 OK\r\ncontent-length: 0\r\n\r\n', false],
    [
      'bytes follow an empty body',
      'HTTP/1.1 200 OK\r\ncontent-length: 0\r\n\r\nHTTP/1.1 200 OK\r\n\r\n',
      false,
    ],
    [
      'bytes follow the length',
      'HTTP/1.1 200 OK\r\ncontent-length: 2\r\n\r\nokHTTP/1.1 200 OK\r\n\r\n',
      false,
    ],
    ['bytes follow the last chunk', `${CHUNKED}2\r\nok\r\n0\r\n\r\nHTTP/1.1 200 OK\r\n\r\n`, false],
  ])('tells whether its connection can serve again: %s', (_what, wire, reusable) => {
    expect(read([wire])).toMatchObject({ ended: 1, reusable })
  })

  it.each([
    ['a folded header', 'HTTP/1.1 200 OK\r\nx-a: b\r\n c: d\r\ncontent-length: 0\r\n\r\n'],
    ['a space before the colon', 'HTTP/1.1 200 OK\r\ncontent-length : 0\r\n\r\n'],
    ['a bare line feed in the head', 'HTTP/1.1 200 OK\r\nx-a: b\ncontent-length: 0\r\n\r\n'],
    ['a bare carriage return in the head', 'HTTP/1.1 200 OK\r\nx-a: b\rcontent-length: 0\r\n\r\n'],
    ['a NUL in the head', 'HTTP/1.1 200 OK\r\nx-a: \0\r\n\r\n'],
    ['a length with a sign', 'HTTP/1.1 200 OK\r\ncontent-length: +3\r\n\r\nabc'],
    ['the same length twice', 'HTTP/1.1 200 OK\r\ncontent-length: 3\r\ncontent-length: 3\r\n\r\nabc'],
    ['a coding that is not chunked', 'HTTP/1.1 200 OK\r\ntransfer-encoding: gzip, chunked\r\n\r\n'],
    ['chunks in HTTP/1.0', 'HTTP/1.0 200 OK\r\ntransfer-encoding: chunked\r\n\r\n'],
    ['a switch of protocols', 'HTTP/1.1 101 Switching Protocols\r\nupgrade: x\r\n\r\n'],
    ['interim answers without end', 'HTTP/1.1 103 Early Hints\r\n\r\n'.repeat(20)],
    ['another protocol, before its first line ends', 'SSH-2.0'],
    ['a head without end', `HTTP/1.1 200 OK\r\n${'x-a: b\r\n'.repeat(500)}`],
    ['a chunk size with a space', `${CHUNKED}3 \r\nabc\r\n`],
    ['a chunk size with a prefix', `${CHUNKED}0x3\r\nabc\r\n`],
    ['a chunk size that ends in a bare line feed', `${CHUNKED}3\nabc\r\n`],
    ['a line feed in an extension', `${CHUNKED}3;a\nb\r\nabc\r\n`],
    ['an extension without end', `${CHUNKED}3;${'a'.repeat(5_000)}`],
    ['a chunk size beyond 2^48', `${CHUNKED}1000000000000\r\n`],
    ['a chunk without its end', `${CHUNKED}3\r\nabcde\r\n`],
    ['trailers without end', `${CHUNKED}0\r\n${'x-a: b\r\n'.repeat(500)}`],
    ['a bare line feed in the trailers', `${CHUNKED}0\r\nx-a: b\n\r\n`],
  ])('is refused with %s', (_what, wire) => {
    expect(() => read([wire])).toThrow(BrokenAnswer)
    expect(() => read(wire.split(''))).toThrow(BrokenAnswer)
  })

  it('is refused when nobody asked', () => {
    const reader = new AnswerReader({ onAnswerHead() {}, onAnswerData() {}, onAnswerEnd() {} }, 1_024)
    expect(() => reader.push(Buffer.from('HTTP/1.1 200 OK\r\n\r\n'))).toThrow(BrokenAnswer)
  })
})
