import type { ChatEvent } from '../../chat/index.ts'
import type { ReplyMeta, StreamEncoder } from '../dialect.ts'
import type { Json } from '../json.ts'
import { PartWriter, type Written } from './writer.ts'

/**
 * Events → SSE text. The last frame holds every candidate's end with usage and cost; there is no end mark. A failed
 * answer ends in one frame with `error`, which Google's SDKs throw.
 */
export class GeminiStreamEncoder implements StreamEncoder {
  private readonly meta: ReplyMeta
  private readonly writer: PartWriter
  private ended = false

  constructor(meta: ReplyMeta) {
    this.meta = meta
    this.writer = new PartWriter(meta)
  }

  push(event: ChatEvent): string {
    if (this.ended) return ''
    const written = this.writer.push(event)
    if (this.writer.error === null) return written.length === 0 ? '' : this.frame(written)
    this.ended = true
    return sse({ error: this.writer.error, ...this.writer.facts })
  }

  end(): string {
    if (this.ended) return ''
    this.ended = true
    // A chunk without any part makes Google's SDKs leave the whole turn out of their history.
    const candidates = this.writer.ends().map(({ choice, rest, parts }) => ({
      content: { parts: parts.length === 0 ? [{ text: '' }] : parts, role: 'model' },
      ...rest,
      index: choice,
    }))
    return sse({ candidates, ...this.writer.facts })
  }

  private frame(written: readonly Written[]): string {
    const { id: responseId, model: modelVersion } = this.meta
    const candidates = written.map(({ choice, part }) => ({
      content: { parts: [part], role: 'model' },
      index: choice,
    }))
    // Parts of one event belong to one candidate.
    if (candidates.length > 1) candidates[0]!.content.parts = written.map(({ part }) => part)
    return sse({ candidates: candidates.slice(0, 1), modelVersion, responseId })
  }
}

const sse = (chunk: Json): string => `data: ${JSON.stringify(chunk)}\n\n`
