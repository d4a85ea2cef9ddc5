import type { FinishReason, UpstreamError } from '../../chat/index.ts'
import type { StreamSeen } from '../dialect.ts'
import { count, isObject, type Json, list, object, text } from '../json.ts'
import { decodeErrorObject } from './errors.ts'
import { finishReason } from './finish.ts'
import { Sources } from './sources.ts'
import { ToolCalls } from './tools.ts'
import { decodeUsage } from './usage.ts'

/** What one choice of a chunk or reply holds, in normal form. `message` is the delta or the message. */
export interface ReadChoice {
  readonly index: number
  readonly message: Json
  /** Fields of the choice that are not ours to read. */
  readonly rest: Json
  readonly finish: Finish | null
  /** True when a client sees something of it: text, reasoning, a tool call, …, not only a role. */
  readonly visible: boolean
}

export interface Finish {
  readonly reason: FinishReason
  readonly native: string | null
}

/** `StreamSeen` while it is being filled. */
export type Seen = { -readonly [K in keyof StreamSeen]: StreamSeen[K] }

export const nothingSeen = (): Seen => ({
  content: false,
  usage: null,
  finish: null,
  error: null,
  done: false,
  outputBytes: 0,
  upstreamId: null,
})

/**
 * Reads chunks (or the one reply) of any OpenAI-compatible provider into one normal form and keeps account of what was
 * seen: usage (the last one counts), finish, errors, bytes of output.
 */
export class ChunkReader {
  readonly seen: Seen = nothingSeen()
  private readonly tools = new Map<number, ToolCalls>()
  private readonly sources = new Sources()
  private readonly hideReasoning: boolean
  private readonly seed: string
  private readonly whole: boolean

  /** `whole`: one reply is read, not chunks of a stream. */
  constructor(options: { hideReasoning: boolean; toolSeed: string; whole?: boolean }) {
    this.whole = options.whole ?? false
    this.hideReasoning = options.hideReasoning
    this.seed = options.toolSeed
  }

  /** The choices of a chunk in normal form; empty when it carries none or reports an error. */
  read(chunk: Json): ReadChoice[] {
    this.seen.upstreamId ??= text(chunk['id'])
    this.readUsage(chunk)
    if (chunk['error'] !== undefined && chunk['error'] !== null) {
      this.fail(decodeErrorObject(chunk['error']))
      return []
    }
    this.sources.read(chunk)
    const choices: ReadChoice[] = []
    for (const [position, raw] of list(chunk['choices']).entries()) {
      if (!isObject(raw)) continue
      if (raw['error'] !== undefined && raw['error'] !== null) this.fail(decodeErrorObject(raw['error']))
      choices.push(this.choice(raw, position))
    }
    return choices
  }

  /** True once when a tool call began since the last question. */
  takeOpened(): boolean {
    let opened = false
    for (const tools of this.tools.values()) {
      opened ||= tools.opened
      tools.opened = false
    }
    return opened
  }

  fail(error: UpstreamError): void {
    this.seen.error ??= error
  }

  private readUsage(chunk: Json): void {
    const usage = object(chunk['usage']) ?? object(object(chunk['x_groq'])?.['usage'])
    // Databricks sends the prompt's count alone until the end: that is no usage to bill by.
    if (usage !== null && count(usage['completion_tokens']) !== null) this.seen.usage = decodeUsage(usage)
  }

  private choice(raw: Json, position: number): ReadChoice {
    const { index, delta, message, finish_reason, native_finish_reason, error: _error, ...rest } = raw
    const place = count(index) ?? position
    // Perplexity and Writer send the whole message and a delta side by side.
    const own = this.whole ? (object(message) ?? object(delta)) : (object(delta) ?? object(message))
    const body = this.message(own ?? {}, place)
    const sources = this.sources.take()
    if (sources.length > 0) body['annotations'] = [...list(body['annotations']), ...sources]
    const visible = isVisible(body)
    if (visible) this.seen.content = true
    return {
      index: place,
      message: body,
      rest,
      finish: this.finish(finish_reason, native_finish_reason, body),
      visible,
    }
  }

  private finish(raw: unknown, native: unknown, message: Json): Finish | null {
    const named = text(raw)
    if (named === null) {
      // A whole reply that could be read has ended; Snowflake leaves the reason blank.
      if (!this.whole || !isVisible(message)) return null
      const reason = list(message['tool_calls']).length > 0 ? 'tool_calls' : 'stop'
      this.seen.finish = { reason, native: null }
      return this.seen.finish
    }
    const finish = { reason: finishReason(named), native: text(native) ?? named }
    if (finish.reason === 'error') {
      this.fail({
        code: 'provider_unavailable',
        status: 200,
        message: 'The provider broke off its answer with an error finish.',
        providerCode: finish.native,
        retryAfterMs: null,
      })
      return null
    }
    this.seen.finish = finish
    return finish
  }

  private message(raw: Json, choice: number): Json {
    const message: Json = { ...raw }
    if (Array.isArray(raw['content'])) flattenContent(message, raw['content'])
    this.seen.outputBytes += byteLength(message['content']) + byteLength(message['refusal'])
    this.reasoning(message)
    const calls = raw['tool_calls']
    if (calls === null) delete message['tool_calls']
    else if (Array.isArray(calls)) message['tool_calls'] = this.toolCalls(calls, choice)
    const legacy = object(raw['function_call'])
    if (legacy !== null) this.seen.outputBytes += byteLength(legacy['arguments'])
    for (const key of ['function_call', 'audio']) if (isBlank(object(raw[key]))) delete message[key]
    return message
  }

  /** All spellings become `reasoning` (text) and `reasoning_details`; `reasoning_content` stays for those who read it. */
  private reasoning(message: Json): void {
    const details = message['reasoning_details']
    const said = text(message['reasoning']) ?? text(message['reasoning_content']) ?? detailText(details)
    if (said !== null) this.seen.outputBytes += byteLength(said)
    if (this.hideReasoning) {
      delete message['reasoning']
      delete message['reasoning_content']
      delete message['reasoning_details']
      return
    }
    if (said === null) return
    message['reasoning'] = said
    if (list(details).length === 0) {
      message['reasoning_details'] = [{ type: 'reasoning.text', text: said, format: 'unknown', index: 0 }]
    }
  }

  private toolCalls(calls: readonly unknown[], choice: number): Json[] {
    let tools = this.tools.get(choice)
    if (tools === undefined) {
      tools = new ToolCalls(choice === 0 ? this.seed : `${this.seed}_${choice}`)
      this.tools.set(choice, tools)
    }
    const normal: Json[] = []
    for (const raw of calls) {
      if (!isObject(raw)) continue
      const call = tools.normalise(raw)
      this.seen.outputBytes += byteLength(object(call['function'])?.['arguments'])
      this.seen.outputBytes += byteLength(object(call['custom'])?.['input'])
      normal.push(call)
    }
    return normal
  }
}

const byteLength = (value: unknown): number => (typeof value === 'string' ? Buffer.byteLength(value) : 0)

const VISIBLE = [
  'content',
  'reasoning',
  'reasoning_details',
  'tool_calls',
  'refusal',
  'images',
  'annotations',
]

function isVisible(message: Json): boolean {
  for (const key of VISIBLE) {
    const value = message[key]
    if (typeof value === 'string' ? value !== '' : Array.isArray(value) && value.length > 0) return true
  }
  return object(message['audio']) !== null || object(message['function_call']) !== null
}

/** An object that holds nothing: servers written in Go send their zero values. */
function isBlank(value: Json | null): boolean {
  return (
    value !== null && Object.values(value).every((member) => member === '' || member === 0 || member === null)
  )
}

/** Text of reasoning details when no plain spelling stands beside them; null when they hold none. */
function detailText(details: unknown): string | null {
  let joined = ''
  for (const detail of list(details)) {
    const item = object(detail) ?? {}
    joined += text(item['text']) ?? text(item['summary']) ?? ''
  }
  return text(joined)
}

/** Mistral's content parts: text becomes `content`, thinking `reasoning`; what is neither is kept as an annotation. */
function flattenContent(message: Json, parts: readonly unknown[]): void {
  let content = ''
  let reasoning = ''
  const others: unknown[] = []
  for (const part of parts) {
    const item = object(part)
    if (typeof part === 'string') content += part
    else if (item?.['type'] === 'thinking') {
      for (const piece of list(item['thinking'])) reasoning += text(object(piece)?.['text']) ?? ''
    } else if (item !== null && typeof item['text'] === 'string') content += item['text']
    else others.push(part)
  }
  message['content'] = content
  if (reasoning !== '') message['reasoning'] = reasoning
  if (others.length > 0) message['annotations'] = [...list(message['annotations']), ...others]
}
