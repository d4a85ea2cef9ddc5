import type { Cost, GatewayError, Usage } from '../../chat/index.ts'
import { Collector } from '../collector.ts'
import type { ReplyMeta, StreamPipe, StreamSeen } from '../dialect.ts'
import { isObject, type Json } from '../json.ts'
import { encodeStreamError } from './errors.ts'
import { ChunkReader, type ReadChoice } from './reader.ts'
import { toolSeed, topLevel } from './shape.ts'
import { encodeUsage } from './usage.ts'

/** The whole answer, collected, rewritten once and let go by `finish`. */
export class WholePassthrough implements StreamPipe {
  private readonly meta: ReplyMeta
  private readonly reader: ChunkReader
  private readonly collected = new Collector()
  private reply: Json = {}
  private choices: Json[] = []

  constructor(meta: ReplyMeta) {
    this.meta = meta
    this.reader = new ChunkReader({
      hideReasoning: meta.hideReasoning,
      toolSeed: toolSeed(meta.id),
      whole: true,
    })
  }

  get seen(): StreamSeen {
    return this.reader.seen
  }

  push(chunk: Uint8Array): null {
    return this.collected.push(chunk)
  }

  end(): void {
    const reply = this.collected.takeJson()
    // Half a body is a cut answer (`seen.finish` stays null), not a malformed one.
    if (!isObject(reply)) return
    this.reply = topLevel(reply)
    this.choices = this.reader.read(reply).map(wholeChoice)
    this.reader.seen.done = this.reader.seen.error === null
  }

  finish(usage: Usage, cost: Cost): Uint8Array {
    return this.body({ choices: this.choices, usage: encodeUsage(usage, cost) })
  }

  /** What was produced before the provider failed goes out under the error, as OpenRouter does; without it the bare error. */
  fail(error: GatewayError, usage: Usage | null, cost: Cost | null): Uint8Array {
    const told = encodeStreamError(error.code, error.message, { ...error.metadata })
    const paid = usage === null ? {} : { usage: encodeUsage(usage, cost) }
    if (!this.seen.content) return Buffer.from(JSON.stringify({ error: told, ...paid }))
    const choices = this.choices.map((choice) => ({ ...choice, finish_reason: 'error', error: told }))
    return this.body({ choices, ...paid })
  }

  private body(fields: Json): Uint8Array {
    const { id, created, model, provider } = this.meta
    const head = { id, object: 'chat.completion', created, model, provider, system_fingerprint: null }
    return Buffer.from(JSON.stringify({ ...head, ...this.reply, ...fields }))
  }
}

function wholeChoice({ index, message, rest, finish }: ReadChoice): Json {
  const { content, ...others } = message
  return {
    index,
    finish_reason: finish?.reason ?? null,
    native_finish_reason: finish?.native ?? null,
    logprobs: null,
    ...rest,
    message: { role: 'assistant', content: content ?? null, refusal: null, reasoning: null, ...others },
  }
}
