import type { ClientDialect } from '../dialect.ts'

const FRAME_END = '\n\n'
const DATA = 'data: '

/**
 * Google's other way of streaming, without `alt=sse`: one JSON array whose elements come one by one. Takes the frames that
 * this dialect writes, at any boundaries. Bytes are kept as latin1 text, so that text passes untouched.
 */
export class ArrayFraming {
  readonly type = 'application/json; charset=utf-8'
  private rest = ''
  private begun = false

  /** What of it may go to the client now, or null. */
  push(bytes: Uint8Array): Uint8Array | null {
    const incoming = Buffer.from(bytes.buffer, bytes.byteOffset, bytes.byteLength).toString('latin1')
    const out = this.take(this.rest + incoming)
    return out === '' ? null : Buffer.from(out, 'latin1')
  }

  /** The last frames and the end of the array. */
  end(bytes: Uint8Array | null): Uint8Array {
    const out = bytes === null ? null : this.push(bytes)
    const close = Buffer.from(this.begun ? ']' : '[]')
    this.begun = true
    return out === null ? close : Buffer.concat([out, close])
  }

  /** One element, for an error before the stream. */
  whole(element: Uint8Array | string): string {
    return `[${typeof element === 'string' ? element : Buffer.from(element).toString()}]`
  }

  private take(text: string): string {
    let out = ''
    let from = 0
    for (let end = text.indexOf(FRAME_END); end !== -1; end = text.indexOf(FRAME_END, from)) {
      const frame = text.slice(from, end)
      from = end + FRAME_END.length
      // Comments keep a connection alive; white space does that in JSON.
      if (!frame.startsWith(DATA)) {
        out += '\n'
        continue
      }
      out += (this.begun ? ',\r\n' : '[') + frame.slice(DATA.length)
      this.begun = true
    }
    this.rest = text.slice(from)
    return out
  }
}

/** The format for the errors of a call that is to be answered in an array: each is its one element. */
export function inArray(gemini: ClientDialect): ClientDialect {
  return {
    ...gemini,
    encodeError: (error, id) => {
      const { status, body } = gemini.encodeError(error, id)
      return { status, body: [body] }
    },
  }
}
