import type { ChatEvent } from '../../chat/index.ts'
import type { ReplyMeta, StreamEncoder } from '../dialect.ts'
import type { Json } from '../json.ts'
import type { Kept } from '../kept.ts'
import { MessageWriter } from './writer.ts'

/** One event as SSE: clients of this API read its `event:` line too. */
export function frame(event: Json): string {
  return `event: ${String(event['type'])}\ndata: ${JSON.stringify(event)}\n\n`
}

/** Hub events → SSE text. */
export class MessageStreamEncoder implements StreamEncoder {
  private readonly writer: MessageWriter

  /** `delivered`: the client has been given that already, with the same numbers of blocks. */
  constructor(meta: ReplyMeta, delivered?: Kept) {
    this.writer = new MessageWriter(meta)
    if (delivered !== undefined) this.writer.resume(delivered)
  }

  push(event: ChatEvent): string {
    return this.writer.push(event).map(frame).join('')
  }

  end(): string {
    return this.writer.close().map(frame).join('')
  }
}
