import type { ChatEvent, UpstreamError } from '../../chat/index.ts'
import type { ReplyMeta } from '../dialect.ts'
import { count, type Json, list, object, text } from '../json.ts'
import { CandidateReader } from './candidate.ts'
import { blocked, decodeErrorObject } from './errors.ts'
import { decodeUsage } from './usage.ts'

/** Turns chunks of a stream, or one whole reply, into events. */
export class EventReader {
  private readonly meta: ReplyMeta | undefined
  private readonly candidates = new Map<number, CandidateReader>()
  private events: ChatEvent[] = []
  private started = false
  private failed = false
  private finished = false

  /** `meta`: whose answer it is. */
  constructor(meta?: ReplyMeta) {
    this.meta = meta
  }

  /** Events of one chunk, in the order of the answer: what it says, its usage, how it ends. */
  read(chunk: Json): ChatEvent[] {
    if (this.failed) return []
    if (chunk['error'] !== undefined && chunk['error'] !== null) {
      this.fail(decodeErrorObject(chunk['error']))
      return this.take()
    }
    this.start(chunk)
    const candidates = list(chunk['candidates']).flatMap((raw, position) => {
      const candidate = object(raw)
      if (candidate === null) return []
      return [{ candidate, reader: this.reader(count(candidate['index']) ?? position) }]
    })
    for (const { candidate, reader } of candidates) reader.read(candidate)
    const wire = object(chunk['usageMetadata'])
    const usage = wire === null ? null : decodeUsage(wire)
    if (usage !== null) this.events.push({ type: 'usage', usage, raw: wire })
    const feedback = object(chunk['promptFeedback'])
    if (feedback !== null && text(feedback['blockReason']) !== null) this.fail(blocked(feedback))
    for (const { candidate, reader } of candidates) {
      const error = this.failed ? null : reader.finish(candidate)
      if (error !== null) this.fail(error)
    }
    return this.take()
  }

  /** At the end of input: nothing after a good end, an error when the answer was cut. */
  end(): ChatEvent[] {
    if (this.failed) return []
    for (const reader of this.candidates.values()) reader.close()
    if (!this.finished) {
      const message =
        this.started && this.candidates.size === 0
          ? 'The provider answered without a candidate.'
          : 'The provider closed the connection before its answer was complete.'
      this.fail({ code: 'provider_cut', status: 200, message, providerCode: null, retryAfterMs: null })
    }
    return this.take()
  }

  private fail(error: UpstreamError): void {
    this.failed = true
    this.events.push({ type: 'error', error })
  }

  private take(): ChatEvent[] {
    const taken = this.events
    this.events = []
    return taken
  }

  private start(chunk: Json): void {
    if (this.started) return
    this.started = true
    const tier = text(object(chunk['usageMetadata'])?.['serviceTier'])
    const created = Date.parse(text(chunk['createTime']) ?? '')
    this.events.push({
      type: 'start',
      id: text(chunk['responseId']) ?? '',
      model: text(chunk['modelVersion']) ?? '',
      ...(!Number.isNaN(created) && { created: Math.floor(created / 1000) }),
      ...(tier !== null && { serviceTier: tier }),
    })
  }

  private reader(choice: number): CandidateReader {
    let reader = this.candidates.get(choice)
    if (reader === undefined) {
      reader = new CandidateReader(choice, this.meta, (event) => {
        this.finished ||= event.type === 'finish'
        this.events.push(event)
      })
      this.candidates.set(choice, reader)
    }
    return reader
  }
}
