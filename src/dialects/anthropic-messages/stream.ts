import type { ChatEvent } from '../../chat/index.ts'
import type { ReplyMeta, StreamEncoder } from '../dialect.ts'
import type { Json } from '../json.ts'
import { MessageWriter } from './writer.ts'

/** One event as SSE: clients of this API read its `event:` line too. */
export function frame(event: Json): string {
  return `event: ${String(event['type'])}\ndata: ${JSON.stringify(event)}\n\n`
}

/** Hub events → SSE text. */
export class MessageStreamEncoder implements StreamEncoder {
  private readonly writer: MessageWriter

  constructor(meta: ReplyMeta) {
    this.writer = new MessageWriter(meta)
  }

  push(event: ChatEvent): string {
    return this.writer.push(event).map(frame).join('')
  }

  end(): string {
    return this.writer.close().map(frame).join('')
  }
}
