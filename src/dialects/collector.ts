import { GatewayError } from '../chat/index.ts'
import { parseJson } from './json.ts'

/** Longest body of an answer that is not streamed, bytes. */
const MAX_REPLY_BYTES = 64 * 1024 * 1024

/** Collects the bytes of a whole answer; what comes out comes once. */
export class Collector {
  private parts: Uint8Array[] = []
  private size = 0

  /** Always null: nothing of a whole answer goes on early. Throws GatewayError `provider_protocol` beyond 64 MiB. */
  push(chunk: Uint8Array): null {
    this.size += chunk.length
    if (this.size > MAX_REPLY_BYTES) {
      throw new GatewayError(
        'provider_protocol',
        `The provider's answer is longer than ${MAX_REPLY_BYTES} bytes, which is not accepted.`,
      )
    }
    this.parts.push(chunk)
    return null
  }

  takeBytes(): Buffer {
    const bytes = Buffer.concat(this.parts, this.size)
    this.parts = []
    return bytes
  }

  /** The body as JSON; undefined when it is none: half a body is a cut answer, not a malformed one. */
  takeJson(): unknown {
    return parseJson(this.takeBytes().toString('utf8'))
  }
}
