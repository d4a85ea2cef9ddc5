import type { StreamSeen } from '../dialect.ts'
import { isObject, type Json, object, text } from '../json.ts'
import { finishReason } from './finish.ts'
import { decodeUsage, mergeUsage } from './usage.ts'

/** Account of what an answer of this dialect has shown, kept from its wire events. */
export class Tap {
  readonly seen: { -readonly [K in keyof StreamSeen]: StreamSeen[K] } = {
    content: false,
    usage: null,
    finish: null,
    error: null,
    done: false,
    outputBytes: 0,
    upstreamId: null,
  }
  /** The provider's own usage, merged over the stream. */
  raw: Json = {}

  usage(news: unknown): void {
    if (!isObject(news)) return
    this.raw = mergeUsage(this.raw, news)
    this.seen.usage = decodeUsage(this.raw)
  }

  block(block: Json | null): void {
    // An empty text or thinking block shows nothing yet.
    const started = block?.['type'] === 'text' ? text(block['text']) : text(block?.['thinking'])
    const opens = block?.['type'] !== 'text' && block?.['type'] !== 'thinking'
    if (opens || started !== null) this.seen.content = true
    if (started !== null) this.seen.outputBytes += Buffer.byteLength(started)
    if (object(block?.['input']) !== null && Object.keys(block!['input'] as Json).length > 0) {
      this.seen.outputBytes += JSON.stringify(block!['input']).length
    }
  }

  delta(delta: Json | null): void {
    const said = text(delta?.['text']) ?? text(delta?.['thinking']) ?? text(delta?.['partial_json'])
    if (said !== null) this.seen.outputBytes += Buffer.byteLength(said)
    // Thinking whose text is omitted comes as empty deltas that show only that it goes on.
    this.seen.content ||=
      said !== null || delta?.['type'] === 'signature_delta' || delta?.['type'] === 'citations_delta'
  }

  stop(reason: unknown): void {
    const native = text(reason)
    if (native !== null) this.seen.finish = { reason: finishReason(native), native }
  }
}
