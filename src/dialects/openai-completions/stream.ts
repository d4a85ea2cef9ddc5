import type { BlockDelta, ChatEvent, Cost, Usage } from '../../chat/index.ts'
import type { ReplyMeta, StreamEncoder } from '../dialect.ts'
import type { Json } from '../json.ts'
import { encodeStreamError } from '../openai-chat/errors.ts'
import { encodeCitation } from '../openai-chat/stream.ts'
import { encodeUsage } from '../openai-chat/usage.ts'
import { textLogprobs } from './logprobs.ts'

/** Events → SSE text of `text_completion` objects. Usage goes out once, at the end, as told last. */
export class CompletionStreamEncoder implements StreamEncoder {
  private readonly meta: ReplyMeta
  private readonly echo: string
  /** Characters sent of each choice. */
  private readonly sent = new Map<number, number>()
  private fingerprint: string | null = null
  private usage: Usage | null = null
  private cost: Cost | null = null
  private failed = false

  constructor(meta: ReplyMeta) {
    this.meta = meta
    this.echo = meta.request?.echo ?? ''
  }

  push(event: ChatEvent): string {
    if (this.failed) return ''
    switch (event.type) {
      case 'start':
        this.fingerprint = event.systemFingerprint ?? null
        return ''
      case 'block-delta':
        return this.delta(event.choice ?? 0, event.delta, event.logprobs)
      case 'citation':
        return this.choice(event.choice ?? 0, { annotations: [encodeCitation(event.citation)] })
      case 'finish':
        return this.choice(event.choice ?? 0, {
          text: this.sent.has(event.choice ?? 0) ? '' : this.echo,
          finish_reason: event.reason,
          native_finish_reason: event.native,
        })
      case 'usage':
        this.usage = event.usage
        this.cost = event.cost ?? this.cost
        return ''
      case 'error':
        return this.fail(event)
      case 'block-start':
      case 'block-stop':
      case 'opaque':
        return ''
      default:
        return event satisfies never
    }
  }

  end(): string {
    if (this.failed) return ''
    if (this.usage === null) return 'data: [DONE]\n\n'
    // Clients that read the first choice of every chunk find an empty one.
    const usage = encodeUsage(this.usage, this.cost)
    return `${this.chunk({ choices: [emptyChoice(0)], usage })}data: [DONE]\n\n`
  }

  private delta(index: number, delta: BlockDelta, logprobs: unknown): string {
    if (delta.kind === 'reasoning')
      return this.meta.hideReasoning ? '' : this.choice(index, { reasoning: delta.text })
    if (delta.kind !== 'text' && delta.kind !== 'refusal' && delta.kind !== 'audio') return ''
    const said = delta.kind === 'audio' ? (delta.transcript ?? '') : delta.text
    if (delta.kind === 'audio' && said === '') return ''
    const sent = this.sent.get(index)
    const text = sent === undefined ? this.echo + said : said
    this.sent.set(index, (sent ?? 0) + text.length)
    return this.choice(index, { text, logprobs: textLogprobs(logprobs, sent ?? 0) })
  }

  private fail(event: ChatEvent & { type: 'error' }): string {
    this.failed = true
    const { code, message, providerCode } = event.error
    const metadata = { ...event.metadata, ...(providerCode !== null && { provider_code: providerCode }) }
    return this.chunk({
      error: encodeStreamError(code, message, metadata),
      choices: [{ ...emptyChoice(0), finish_reason: 'error' }],
      ...(this.usage !== null && { usage: encodeUsage(this.usage, this.cost) }),
    })
  }

  private choice(index: number, fields: Json): string {
    return this.chunk({ choices: [{ ...emptyChoice(index), ...fields }] })
  }

  private chunk(body: Json): string {
    const { id, created, model, provider } = this.meta
    const head = { id, object: 'text_completion', created, model, provider }
    const mark = this.fingerprint === null ? {} : { system_fingerprint: this.fingerprint }
    return `data: ${JSON.stringify({ ...head, ...mark, ...body })}\n\n`
  }
}

function emptyChoice(index: number): Json {
  return { index, text: '', logprobs: null, finish_reason: null, native_finish_reason: null }
}
