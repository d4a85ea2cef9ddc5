import type { Block, BlockDelta, ChatEvent, Citation, Cost, Usage } from '../../chat/index.ts'
import type { ReplyMeta } from '../dialect.ts'
import { isObject, type Json, object, parseJson, text } from '../json.ts'
import { toolId } from '../openai-chat/stream.ts'
import { encodeCitations } from './citations.ts'
import { encodeErrorObject } from './errors.ts'
import { encodeFinish } from './finish.ts'
import { encodeLogprobs } from './logprobs.ts'
import { type SealedReasoning, seal } from './seal.ts'
import { callPart, imagePart, resultPart } from './server-parts.ts'
import { encodeUsage } from './usage.ts'
import { DIALECT, GOOGLE_FORMAT } from './wire.ts'

/** A part for a candidate. */
export interface Written {
  readonly choice: number
  readonly part: Json
}

interface Open {
  readonly block: Block
  text: string
  summary: string
  signature: string
  encrypted: string
  args: string
  /** The call of a server's tool has been written. */
  told: boolean
}

interface Choice {
  readonly open: Map<number, Open>
  /** Reasoning of other families that waits for a part to travel on. */
  waiting: SealedReasoning[]
  calls: number
  said: string
  /** Text has been said since the last call. */
  spoke: boolean
  readonly citations: Citation[]
  readonly logprobs: unknown[]
  finish: (ChatEvent & { type: 'finish' }) | null
}

/**
 * Events → parts of candidates, the same for streams and whole replies. Calls come whole, as the format has them;
 * signatures stand on the part they were given for, and reasoning that another family wrote is sealed into one.
 */
export class PartWriter {
  private readonly meta: ReplyMeta
  private readonly choices = new Map<number, Choice>()
  private usage: Usage | null = null
  private cost: Cost | null = null
  private tier: string | null = null
  /** The `error` member, once the answer has failed. */
  error: Json | null = null

  constructor(meta: ReplyMeta) {
    this.meta = meta
  }

  push(event: ChatEvent): Written[] {
    if (this.error !== null) return []
    switch (event.type) {
      case 'start':
        this.tier = event.serviceTier ?? this.tier
        return []
      case 'block-start':
        return this.begin(event.choice ?? 0, event.index, event.block)
      case 'block-delta': {
        const choice = this.choice(event.choice ?? 0)
        if (event.logprobs !== undefined) choice.logprobs.push(event.logprobs)
        const open = choice.open.get(event.index)
        return open === undefined ? [] : at(event.choice, this.delta(choice, open, event.delta))
      }
      case 'block-stop':
        return at(event.choice, this.stop(event.choice ?? 0, event.index))
      case 'citation':
        this.choice(event.choice ?? 0).citations.push(event.citation)
        return []
      case 'usage':
        this.usage = event.usage
        this.cost = event.cost ?? this.cost
        return []
      case 'finish':
        this.choice(event.choice ?? 0).finish = event
        return []
      case 'error': {
        const { code, message, providerCode, retryAfterMs } = event.error
        const metadata = { ...event.metadata, ...(providerCode !== null && { provider_code: providerCode }) }
        this.error = encodeErrorObject(code, message, metadata, retryAfterMs)
        return []
      }
      case 'opaque': {
        const data = event.dialect === DIALECT ? object(event.data) : null
        const part = object(data?.['part'])
        return part === null ? [] : [{ choice: Number(data?.['choice'] ?? 0), part }]
      }
      default:
        return event satisfies never
    }
  }

  /** Members of the answer beside the candidates. */
  get facts(): Json {
    const usage = this.usage === null ? null : encodeUsage(this.usage, this.cost)
    if (usage !== null && this.tier !== null) usage['serviceTier'] = this.tier
    return {
      ...(usage !== null && { usageMetadata: usage }),
      modelVersion: this.meta.model,
      responseId: this.meta.id,
    }
  }

  /** How each candidate ended, in order; sealed reasoning that found no part comes with the end. */
  ends(): { choice: number; rest: Json; parts: Json[] }[] {
    return [...this.choices]
      .toSorted(([a], [b]) => a - b)
      .map(([choice, state]) => {
        const { finish, citations, said, logprobs } = state
        const left = this.takeSeal(state, '')
        const rest: Json = {}
        if (this.error !== null) rest['finishReason'] = 'OTHER'
        else if (finish !== null) rest['finishReason'] = encodeFinish(finish.reason, finish.native)
        const remark = text(object(finish?.details)?.['message'])
        if (remark !== null) rest['finishMessage'] = remark
        const grounding = encodeCitations(citations, said)
        if (grounding !== null) rest['groundingMetadata'] = grounding
        const odds = encodeLogprobs(logprobs)
        if (odds !== null) rest['logprobsResult'] = odds
        return { choice, rest, parts: left === '' ? [] : [{ text: '', thoughtSignature: left }] }
      })
  }

  private begin(choice: number, index: number, block: Block): Written[] {
    const open = { block, text: '', summary: '', signature: '', encrypted: '', args: '', told: false }
    this.choice(choice).open.set(index, open)
    const isPart = block.kind === 'opaque' && block.dialect === DIALECT && isObject(block.data)
    return isPart ? [{ choice, part: block.data as Json }] : []
  }

  private delta(choice: Choice, open: Open, delta: BlockDelta): Json[] {
    switch (delta.kind) {
      case 'text':
      case 'refusal':
        choice.said += delta.text
        choice.spoke = true
        return delta.text === '' ? [] : [{ text: delta.text }]
      case 'reasoning':
        if (delta.summary) open.summary += delta.text
        else open.text += delta.text
        return this.meta.hideReasoning || delta.text === '' ? [] : [{ text: delta.text, thought: true }]
      case 'signature':
        open.signature += delta.signature
        return []
      case 'encrypted':
        open.encrypted += delta.data
        return []
      case 'args':
        open.args += delta.json
        return []
      case 'result':
        if (open.block.kind !== 'server-tool') return []
        return [...this.called(choice, open, open.block), resultPart(open.block, delta.data)]
      case 'image':
        return [imagePart(delta.url, open.block.kind === 'image' ? open.block.mediaType : undefined)]
      case 'audio': {
        const said = delta.transcript === undefined ? [] : [{ text: delta.transcript }]
        return delta.data === undefined
          ? said
          : [...said, { inlineData: { mimeType: 'audio/pcm', data: delta.data } }]
      }
      case 'opaque':
        return []
      default:
        return delta satisfies never
    }
  }

  private stop(number: number, index: number): Json[] {
    const choice = this.choice(number)
    const open = choice.open.get(index)
    if (open === undefined) return []
    choice.open.delete(index)
    const { block, args, signature } = open
    switch (block.kind) {
      case 'tool': {
        const place = choice.calls++
        choice.spoke = false
        const id = block.id || toolId(this.meta, number, place)
        const functionCall = { id, name: block.name, args: argsOf(args) }
        return [sign({ functionCall }, this.takeSeal(choice, signature))]
      }
      case 'text':
      case 'refusal':
      case 'image':
      case 'audio':
        return signature === '' ? [] : [{ text: '', thoughtSignature: signature }]
      case 'reasoning':
        return this.reasoned(choice, open, block)
      case 'server-tool':
        return this.called(choice, open, block)
      case 'opaque':
        return []
      default:
        return block satisfies never
    }
  }

  /** What a tool of the provider was asked, once, before its result. */
  private called(choice: Choice, open: Open, block: Block & { kind: 'server-tool' }): Json[] {
    if (open.told) return []
    open.told = true
    return [sign(callPart(block, argsOf(open.args)), this.takeSeal(choice, open.signature))]
  }

  /** Gemini's own thoughts need no seal; what others thought waits for the next call, which every client keeps whole. */
  private reasoned(choice: Choice, open: Open, block: Block & { kind: 'reasoning' }): Json[] {
    const { format, id } = block
    const { text: said, summary, signature, encrypted } = open
    if (format === GOOGLE_FORMAT && encrypted === '') {
      return signature === '' ? [] : [{ text: '', thought: true, thoughtSignature: signature }]
    }
    const place = choice.spoke ? 'after-text' : ''
    const sealed = { format, id, text: said, summary, signature, encrypted, place }
    const known = Object.entries(sealed).filter(([, value]) => value !== undefined && value !== '')
    choice.waiting.push(Object.fromEntries(known))
    return []
  }

  private takeSeal(choice: Choice, own: string): string {
    const { waiting } = choice
    if (waiting.length === 0) return own
    choice.waiting = []
    return seal(waiting, own)
  }

  private choice(index: number): Choice {
    let choice = this.choices.get(index)
    if (choice === undefined) {
      choice = {
        open: new Map(),
        waiting: [],
        calls: 0,
        said: '',
        spoke: false,
        citations: [],
        logprobs: [],
        finish: null,
      }
      this.choices.set(index, choice)
    }
    return choice
  }
}

const at = (choice: number | undefined, parts: readonly Json[]): Written[] =>
  parts.map((part) => ({ choice: choice ?? 0, part }))

const sign = (part: Json, signature: string): Json =>
  signature === '' ? part : { ...part, thoughtSignature: signature }

/** Arguments as an object; text that is none is kept under a name of its own. */
function argsOf(args: string): Json {
  if (args.trim() === '') return {}
  const parsed = parseJson(args)
  return isObject(parsed) ? parsed : { arguments: parsed ?? args }
}
