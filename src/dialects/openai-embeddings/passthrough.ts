import type { Cost, GatewayError, Usage } from '../../chat/index.ts'
import { Collector } from '../collector.ts'
import type { ReplyMeta, StreamPipe, StreamSeen } from '../dialect.ts'
import { type Json, parseJson, text } from '../json.ts'
import { encodeStreamError } from '../openai-chat/errors.ts'
import { topLevel } from '../openai-chat/shape.ts'
import { Watch } from '../watch.ts'
import { checkCount, encodingFor } from './events.ts'
import { type Member, membersOf } from './members.ts'
import { decodeReply, encodeReply } from './reply.ts'
import { decodeUsage, encodeUsage } from './usage.ts'

const FIRST_VECTOR = /"embedding"\s*:\s*(["[])/

/**
 * A whole answer on its way to a client of the same format. Vectors in the encoding that was asked for are megabytes of
 * numbers that nobody has to read: their bytes pass as they are, between a head and a usage of ours. Others are converted.
 */
export class EmbeddingsPassthrough implements StreamPipe {
  private readonly meta: ReplyMeta
  private readonly watch = new Watch({ hideReasoning: false })
  private readonly collected = new Collector()
  /** The value of `data` as JSON. */
  private data: Uint8Array = Buffer.from('[]')
  /** The provider's other fields. */
  private facts: Json = {}

  constructor(meta: ReplyMeta) {
    this.meta = meta
  }

  get seen(): StreamSeen {
    return this.watch.seen
  }

  push(chunk: Uint8Array): null {
    return this.collected.push(chunk)
  }

  end(): void {
    const bytes = this.collected.takeBytes()
    const members = membersOf(bytes.toString('latin1'))
    // Half a body is a cut answer (`seen.finish` stays null), not a malformed one.
    if (members === null) return
    const data = members.get('data')
    if (data !== undefined && this.passes(bytes, data)) this.splice(bytes, members, data)
    else this.convert(parseJson(bytes.toString('utf8')))
    this.watch.seen.done = this.seen.error === null
  }

  finish(usage: Usage, cost: Cost): Uint8Array {
    const { id, model, provider } = this.meta
    const head = JSON.stringify({ id, object: 'list', model, provider, ...this.facts })
    const tail = JSON.stringify(encodeUsage(usage, cost))
    return Buffer.concat([
      Buffer.from(`${head.slice(0, -1)},"data":`),
      this.data,
      Buffer.from(`,"usage":${tail}}`),
    ])
  }

  fail(error: GatewayError, usage: Usage | null, cost: Cost | null): Uint8Array {
    const told = encodeStreamError(error.code, error.message, { ...error.metadata })
    const paid = usage === null ? {} : { usage: encodeUsage(usage, cost) }
    return Buffer.from(JSON.stringify({ error: told, ...paid }))
  }

  /** The vectors are as asked: one for each input, in the encoding of the first. */
  private passes(bytes: Buffer, { from, to, objects }: Member): boolean {
    if (this.meta.quirks?.embeddings?.int8) return false
    const start = bytes.toString('latin1', from, Math.min(to, from + 1024))
    const opening = FIRST_VECTOR.exec(start)?.[1]
    if (opening !== (encodingFor(this.meta) === 'base64' ? '"' : '[')) return false
    checkCount(objects, this.meta)
    return true
  }

  private splice(bytes: Buffer, members: ReadonlyMap<string, Member>, data: Member): void {
    const rest: Json = {}
    for (const [name, { from, to }] of members)
      if (name !== 'data') rest[name] = parseJson(bytes.toString('utf8', from, to))
    const { seen } = this.watch
    seen.content = true
    seen.upstreamId = text(rest['id'])
    seen.usage = decodeUsage(rest['usage'])
    seen.finish = { reason: 'stop', native: null }
    this.facts = topLevel(rest)
    this.data = bytes.subarray(data.from, data.to)
  }

  private convert(reply: unknown): void {
    const events = decodeReply(reply, this.meta)
    for (const event of events) this.watch.see(event)
    this.data = Buffer.from(JSON.stringify(encodeReply(events, this.meta).data))
    this.facts = topLevel(reply as Json)
    delete this.facts['data']
  }
}
