import type { ChatEvent, Cost, Usage } from '../../chat/index.ts'
import type { ReplyMeta } from '../dialect.ts'
import { isObject, type Json, object } from '../json.ts'
import type { Kept } from '../kept.ts'
import { BlockQueue } from './block-queue.ts'
import { failure } from './errors.ts'
import { stopReason } from './finish.ts'
import { encodeUsage } from './usage.ts'
import { DIALECT } from './wire.ts'

/**
 * Hub events → events of the wire, as objects. Usage goes out once, with the stop reason.
 */
export class MessageWriter {
  private readonly meta: ReplyMeta
  private readonly blocks: BlockQueue
  private begun = false
  private failed = false
  private finish: (ChatEvent & { type: 'finish' }) | null = null
  private usage: { usage: Usage; cost: Cost | null; raw: Json | null } | null = null
  private facts: Json = {}
  private tier: string | undefined

  constructor(meta: ReplyMeta) {
    this.meta = meta
    this.blocks = new BlockQueue(meta, (out) => this.start(out))
  }

  /** Goes on with a message that another writer began. */
  resume(delivered: Kept): void {
    this.begun = true
    this.blocks.resume(delivered)
  }

  push(event: ChatEvent): Json[] {
    const out: Json[] = []
    if (this.failed || ('choice' in event && (event.choice ?? 0) !== 0)) return out
    switch (event.type) {
      case 'start':
        this.tier = event.serviceTier === 'default' ? 'standard' : event.serviceTier
        break
      case 'block-start':
        this.blocks.begin(event.index, event.block, out)
        break
      case 'block-delta':
        this.blocks.delta(event.index, event.delta, out)
        break
      case 'block-stop':
        this.blocks.end(event.index, out)
        break
      case 'citation':
        this.blocks.cite(event.citation, out)
        break
      case 'usage':
        this.takeUsage(event)
        break
      case 'finish':
        this.finish = event
        break
      case 'error':
        this.fail(event, out)
        break
      case 'opaque':
        if (event.dialect === DIALECT && isObject(event.data)) this.facts = { ...this.facts, ...event.data }
        break
      default:
        event satisfies never
    }
    return out
  }

  /** The last events; none after an error. */
  close(): Json[] {
    const out: Json[] = []
    if (this.failed) return out
    this.start(out)
    this.blocks.drain(out)
    const { finish } = this
    out.push({
      type: 'message_delta',
      delta: {
        stop_reason: finish === null ? null : stopReason(finish.reason, finish.native, finish.stopSequence),
        stop_sequence: finish?.stopSequence ?? null,
        stop_details: finish?.details ?? null,
        ...(object(this.facts['container']) !== null && { container: this.facts['container'] }),
      },
      ...(object(this.facts['context_management']) !== null && {
        context_management: this.facts['context_management'],
      }),
      ...(this.usage !== null && { usage: this.toldUsage(this.usage) }),
    })
    out.push({ type: 'message_stop' })
    return out
  }

  /** The tier lives in the usage of this API. */
  private toldUsage({ usage, cost, raw }: NonNullable<typeof this.usage>): Json {
    const told = encodeUsage(usage, cost, raw)
    return this.tier === undefined ? told : { service_tier: this.tier, ...told }
  }

  private takeUsage({ usage, cost, raw }: ChatEvent & { type: 'usage' }): void {
    const own = isObject(raw) && raw['output_tokens'] !== undefined ? raw : (this.usage?.raw ?? null)
    this.usage = { usage, cost: cost ?? null, raw: own }
  }

  private start(out: Json[]): void {
    if (this.begun) return
    this.begun = true
    const { id, model, provider } = this.meta
    const usage = {
      input_tokens: 0,
      cache_creation_input_tokens: 0,
      cache_read_input_tokens: 0,
      output_tokens: 0,
    }
    out.push({
      type: 'message_start',
      message: {
        id,
        type: 'message',
        role: 'assistant',
        model,
        provider,
        content: [],
        stop_reason: null,
        stop_sequence: null,
        stop_details: null,
        usage,
      },
    })
  }

  private fail(event: ChatEvent & { type: 'error' }, out: Json[]): void {
    this.failed = true
    const { code, message, providerCode } = event.error
    const metadata = { ...event.metadata, ...(providerCode !== null && { provider_code: providerCode }) }
    const body: Json = failure(code, message, metadata, this.meta.id)
    if (this.usage !== null) body['usage'] = this.toldUsage(this.usage)
    out.push(body)
  }
}
