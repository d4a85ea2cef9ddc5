import { GatewayError } from '../../chat/index.ts'
import type { Frame } from '../dialect.ts'

/** Prelude (total length, header length, its CRC) and the CRC at the end: the least a message is long. */
const PRELUDE = 12
const OVERHEAD = 16
/** The only header type that text protocols use here: a string with a 16-bit length. */
const STRING = 7
/** Sizes of the fixed-length header types by number (bool true, bool false, byte, short, int, long, timestamp, UUID). */
const FIXED: Readonly<Record<number, number>> = { 0: 0, 1: 0, 2: 1, 3: 2, 4: 4, 5: 8, 8: 8, 9: 16 }

const bad = (what: string): GatewayError =>
  new GatewayError('provider_protocol', `The provider sent a damaged event stream (${what}).`)

/**
 * AWS's binary event stream (`application/vnd.amazon.eventstream`): length-prefixed messages with headers and two
 * CRC-32 sums, both checked. Source: AWS "Amazon event stream encoding".
 */
export class AwsEventStream {
  private readonly emit: (frame: Frame) => void
  private readonly limit: number
  private rest: Buffer = Buffer.alloc(0)

  constructor(limit: number, emit: (frame: Frame) => void) {
    this.limit = limit
    this.emit = emit
  }

  push(chunk: Uint8Array): void {
    this.rest = this.rest.length === 0 ? Buffer.from(chunk) : Buffer.concat([this.rest, chunk])
    while (this.rest.length >= PRELUDE) {
      const total = this.rest.readUInt32BE(0)
      if (total < OVERHEAD || total > this.limit) throw bad('length')
      if (crc32(this.rest.subarray(0, 8)) !== this.rest.readUInt32BE(8)) throw bad('prelude checksum')
      if (this.rest.length < total) return
      this.message(this.rest.subarray(0, total))
      this.rest = this.rest.subarray(total)
    }
  }

  /** Half a message left over is a cut answer, which the decoder tells. */
  end(): void {
    this.rest = Buffer.alloc(0)
  }

  private message(message: Buffer): void {
    const end = message.length - 4
    if (crc32(message.subarray(0, end)) !== message.readUInt32BE(end)) throw bad('message checksum')
    const headersEnd = PRELUDE + message.readUInt32BE(4)
    if (headersEnd > end) throw bad('header length')
    const headers = readHeaders(message.subarray(PRELUDE, headersEnd))
    this.emit({ kind: 'aws-eventstream', headers, payload: message.subarray(headersEnd, end) })
  }
}

function readHeaders(source: Buffer): Record<string, string> {
  const headers: Record<string, string> = {}
  let at = 0
  while (at < source.length) {
    const nameEnd = at + 1 + source[at]!
    const name = source.toString('utf8', at + 1, nameEnd)
    const type = source[nameEnd]
    at = nameEnd + 1
    if (type === STRING || type === 6) {
      if (at + 2 > source.length) throw bad('header')
      const length = source.readUInt16BE(at)
      if (type === STRING) headers[name] = source.toString('utf8', at + 2, at + 2 + length)
      at += 2 + length
    } else {
      const size = type === undefined ? undefined : FIXED[type]
      if (size === undefined) throw bad('header type')
      at += size
    }
    if (at > source.length) throw bad('header')
  }
  return headers
}

const TABLE = Uint32Array.from({ length: 256 }, (_, n) => {
  let value = n
  for (let bit = 0; bit < 8; bit++) value = value & 1 ? 0xedb88320 ^ (value >>> 1) : value >>> 1
  return value >>> 0
})

/** CRC-32 (IEEE), as zlib computes it; own table since this room takes nothing from Node. */
export function crc32(bytes: Uint8Array): number {
  let crc = 0xffffffff
  for (const byte of bytes) crc = TABLE[(crc ^ byte) & 0xff]! ^ (crc >>> 8)
  return (crc ^ 0xffffffff) >>> 0
}
