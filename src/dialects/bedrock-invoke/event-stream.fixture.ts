import { crc32 } from 'node:zlib'

/** One message of AWS's event stream, with both of its checksums. */
export function eventStreamMessage(headers: Readonly<Record<string, string>>, payload: string): Buffer {
  const head = Buffer.concat(
    Object.entries(headers).map(([name, value]) => {
      const length = Buffer.alloc(3)
      length.writeUInt8(7, 0)
      length.writeUInt16BE(Buffer.byteLength(value), 1)
      return Buffer.concat([
        Buffer.of(Buffer.byteLength(name)),
        Buffer.from(name),
        length,
        Buffer.from(value),
      ])
    }),
  )
  const body = Buffer.from(payload)
  const prelude = Buffer.alloc(12)
  prelude.writeUInt32BE(16 + head.length + body.length, 0)
  prelude.writeUInt32BE(head.length, 4)
  prelude.writeUInt32BE(crc32(prelude.subarray(0, 8)), 8)
  const message = Buffer.concat([prelude, head, body])
  const end = Buffer.alloc(4)
  end.writeUInt32BE(crc32(message))
  return Buffer.concat([message, end])
}

/** An event of the Messages API as InvokeModelWithResponseStream carries it. */
export function chunkMessage(json: string): Buffer {
  const payload = JSON.stringify({ bytes: Buffer.from(json).toString('base64'), p: 'abcd' })
  return eventStreamMessage(
    { ':event-type': 'chunk', ':content-type': 'application/json', ':message-type': 'event' },
    payload,
  )
}

/** A stream that breaks off with an exception. */
export function exceptionMessage(name: string, message: string): Buffer {
  return eventStreamMessage(
    { ':exception-type': name, ':content-type': 'application/json', ':message-type': 'exception' },
    JSON.stringify({ message }),
  )
}
