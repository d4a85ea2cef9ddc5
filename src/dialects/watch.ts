import type { ChatEvent } from '../chat/index.ts'
import type { ReplyMeta, StreamSeen } from './dialect.ts'
import { Kept } from './kept.ts'

type Seen = { -readonly [K in keyof StreamSeen]: StreamSeen[K] }

/** Keeps account of what an answer's events have shown. */
export class Watch {
  readonly seen: Seen = {
    content: false,
    usage: null,
    finish: null,
    error: null,
    done: false,
    outputBytes: 0,
    upstreamId: null,
  }
  /** What has been delivered; null where nobody could go on with it. */
  readonly kept: Kept | null
  private readonly hideReasoning: boolean

  constructor({ hideReasoning, keepDelivered }: Pick<ReplyMeta, 'hideReasoning' | 'keepDelivered'>) {
    this.hideReasoning = hideReasoning
    this.kept = keepDelivered === true ? new Kept() : null
  }

  /** True when the event belongs to the end of the answer and has to wait for the settle. */
  see(event: ChatEvent): boolean {
    const { seen } = this
    this.kept?.see(event)
    switch (event.type) {
      case 'start':
        seen.upstreamId ??= event.id || null
        return false
      case 'block-start':
        if (event.block.kind === 'tool') seen.content = true
        return false
      case 'block-delta':
        seen.content ||= !(
          this.hideReasoning && ['reasoning', 'signature', 'encrypted'].includes(event.delta.kind)
        )
        seen.outputBytes += outputBytes(event.delta)
        return false
      case 'usage':
        seen.usage = event.usage
        return true
      case 'finish':
        if (event.reason !== 'error') seen.finish = { reason: event.reason, native: event.native }
        return true
      case 'error':
        seen.error ??= event.error
        return true
      case 'citation':
        seen.content = true
        return false
      case 'block-stop':
      case 'opaque':
        return false
      default:
        return event satisfies never
    }
  }
}

function outputBytes(delta: (ChatEvent & { type: 'block-delta' })['delta']): number {
  switch (delta.kind) {
    case 'text':
    case 'reasoning':
    case 'refusal':
      return Buffer.byteLength(delta.text)
    case 'args':
      return Buffer.byteLength(delta.json)
    default:
      return 0
  }
}
