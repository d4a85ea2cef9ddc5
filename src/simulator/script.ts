import { instanceOf } from './instance.ts'
import { type Behaviour, SIMULATED_MODELS, type SimulatedModel } from './models.ts'
import { estimateTokens, fingerprint, lorem, MARKER, tokensOf } from './text.ts'

type Json = Readonly<Record<string, unknown>>

/** One step of an answer: what is added to the message. */
export interface Delta {
  readonly content?: string
  readonly reasoning_content?: string
  readonly refusal?: string
  readonly tool_calls?: readonly Json[]
}

/** What a test model does with a request, decided before anything is sent. */
export type Script =
  | {
      readonly kind: 'error'
      readonly status: number
      readonly retryAfter: number | null
      readonly error: { readonly message: string; readonly type: string; readonly code: string }
    }
  | {
      readonly kind: 'answer'
      readonly id: string
      readonly model: string
      readonly stream: boolean
      /** Usage comes at the end of a stream. */
      readonly includeUsage: boolean
      /** ms of silence before the first content. */
      readonly silenceMs: number
      /** ms between two tokens of a stream. */
      readonly gapMs: number
      readonly deltas: readonly Delta[]
      readonly finish: 'stop' | 'length' | 'tool_calls'
      readonly usage: Json
      /** Breaks off after so many deltas; null: ends as it should. */
      readonly cutAfter: number | null
    }

/**
 * Decides what a test model answers to the body of a chat completion. The same body gives the same script; only
 * `firstTry` comes from outside: no try of this conversation has been refused before.
 */
export function scriptOf(body: unknown, firstTry: (conversation: string) => boolean): Script {
  const request = json(body)
  const name = String(request['model'] ?? '').replace(/^sim\//, '')
  const model = SIMULATED_MODELS.find((known) => known.behaviour === name)
  if (model === undefined) {
    const ids = SIMULATED_MODELS.map((known) => known.id).join(', ')
    return refused(404, 'model_not_found', `The simulator has no model ${name.slice(0, 100)}. It has ${ids}.`)
  }
  const messages = Array.isArray(request['messages']) ? request['messages'].map(json) : []
  if (messages.length === 0)
    return refused(400, 'invalid_request', 'messages must hold at least one message.')
  const promptTokens = promptTokensOf(messages, request)
  return (
    failure(model, promptTokens, () => firstTry(fingerprint(JSON.stringify(messages)))) ??
    answer(model, request, messages, promptTokens)
  )
}

function failure(model: SimulatedModel, promptTokens: number, firstTry: () => boolean): Script | null {
  const most = model.contextLength
  if (model.behaviour === 'rate-limited') {
    return refused(429, 'rate_limit_exceeded', 'Rate limit reached, as always with sim/rate-limited.', 7)
  }
  if (model.behaviour === 'context-overflow' || promptTokens > most) {
    const had = model.behaviour === 'context-overflow' ? most + promptTokens : promptTokens
    const text = `This model's maximum context length is ${most} tokens, but the messages resulted in ${had} tokens.`
    return refused(400, 'context_length_exceeded', text)
  }
  if (model.behaviour === 'overloaded-then-ok' && firstTry()) {
    return refused(503, 'overloaded', 'Overloaded, as always at the first try of sim/overloaded-then-ok.')
  }
  return null
}

function refused(status: number, code: string, text: string, retryAfter: number | null = null): Script {
  const type = status === 429 ? 'rate_limit_error' : status >= 500 ? 'server_error' : 'invalid_request_error'
  return { kind: 'error', status, retryAfter, error: { message: `${MARKER} ${text}`, type, code } }
}

const GAP_MS: Partial<Record<Behaviour, number>> = { 'lorem-500': 5 }

function answer(
  model: SimulatedModel,
  request: Json,
  messages: readonly Json[],
  promptTokens: number,
): Script {
  const { behaviour } = model
  const whole = wordsOf(behaviour, request, messages)
  const asked = Number(request['max_completion_tokens'] ?? request['max_tokens'] ?? model.maxOutput)
  const most = Math.max(1, Math.min(Number.isFinite(asked) ? asked : model.maxOutput, model.maxOutput))
  const stopped = withStop(whole.content, request['stop'])
  const reasoning = whole.reasoning.slice(0, most)
  const content = stopped.slice(0, most - reasoning.length)
  const long = whole.reasoning.length + stopped.length > most
  const field = behaviour === 'refusal' ? 'refusal' : 'content'
  const calls: Delta[] = long ? [] : whole.calls.map((call) => ({ tool_calls: [call] }))
  const completionTokens =
    reasoning.length +
    content.length +
    calls.reduce((sum, call) => sum + estimateTokens(JSON.stringify(call)), 0)
  const deltas = [
    ...reasoning.map((text): Delta => ({ reasoning_content: text })),
    ...content.map((text): Delta => ({ [field]: text })),
    ...calls,
  ]
  return {
    kind: 'answer',
    id: `chatcmpl-sim-${fingerprint(JSON.stringify([request['model'], messages]))}`,
    model: model.id,
    stream: request['stream'] === true,
    includeUsage: json(request['stream_options'])['include_usage'] === true,
    silenceMs: behaviour === 'slow-ttft-3s' ? 3_000 : 0,
    gapMs: GAP_MS[behaviour] ?? 15,
    deltas,
    finish: long ? 'length' : calls.length > 0 ? 'tool_calls' : 'stop',
    usage: {
      prompt_tokens: promptTokens,
      completion_tokens: completionTokens,
      total_tokens: promptTokens + completionTokens,
      prompt_tokens_details: { cached_tokens: 0 },
      completion_tokens_details: { reasoning_tokens: reasoning.length },
    },
    cutAfter: behaviour === 'cut-mid-stream' ? Math.max(1, deltas.length >> 1) : null,
  }
}

interface Words {
  readonly reasoning: readonly string[]
  readonly content: readonly string[]
  readonly calls: readonly Json[]
}

function wordsOf(behaviour: Behaviour, request: Json, messages: readonly Json[]): Words {
  const said = lastText(messages, 'user')
  const plain = (text: string): Words => ({ reasoning: [], content: tokensOf(text), calls: [] })
  switch (behaviour) {
    case 'lorem-500':
      return { reasoning: [], content: lorem(500), calls: [] }
    case 'cut-mid-stream':
      return { reasoning: [], content: lorem(60), calls: [] }
    case 'reasoning': {
      const thought = `${MARKER} The user said ${said.length} characters. Nothing has to be found out: repeat them.`
      return { ...plain(`${MARKER} ${said}`), reasoning: tokensOf(thought) }
    }
    case 'refusal':
      return plain(`${MARKER} I can't help with that.`)
    case 'json-schema':
      return plain(structured(request))
    case 'tool-call':
      return toolCall(request, messages)
    default:
      return plain(`${MARKER} ${said}`)
  }
}

function structured(request: Json): string {
  const format = json(request['response_format'])
  const schema = json(format['json_schema'])['schema'] ?? format['schema']
  if (schema !== undefined) return JSON.stringify(instanceOf(schema))
  if (format['type'] === 'json_object') return JSON.stringify({ simulated: true })
  return `${MARKER} Send response_format with a json_schema to get an instance of it.`
}

function toolCall(request: Json, messages: readonly Json[]): Words {
  const text = (said: string): Words => ({ reasoning: [], content: tokensOf(`${MARKER} ${said}`), calls: [] })
  if (messages.at(-1)?.['role'] === 'tool') return text(`The tool said: ${lastText(messages, 'tool')}`)
  const tools = (Array.isArray(request['tools']) ? request['tools'] : []).map((tool) =>
    json(json(tool)['function']),
  )
  const choice = request['tool_choice']
  const wanted = json(json(choice)['function'])['name']
  const tool = wanted === undefined ? tools[0] : tools.find((each) => each['name'] === wanted)
  if (tool === undefined) return text('Send tools to see one called.')
  if (choice === 'none') return text('tool_choice is none, so no tool is called.')
  const args = JSON.stringify(instanceOf(tool['parameters'] ?? { type: 'object' }))
  const id = `call_sim_${fingerprint(JSON.stringify([tool['name'], messages]))}`
  return {
    reasoning: [],
    content: [],
    calls: [{ index: 0, id, type: 'function', function: { name: String(tool['name']), arguments: args } }],
  }
}

/** Ends the text before the first stop sequence. */
function withStop(tokens: readonly string[], stop: unknown): readonly string[] {
  const sequences = (Array.isArray(stop) ? stop : [stop]).filter(
    (each): each is string => typeof each === 'string' && each !== '',
  )
  if (sequences.length === 0) return tokens
  const text = tokens.join('')
  const ends = sequences.map((each) => text.indexOf(each)).filter((at) => at >= 0)
  return ends.length === 0 ? tokens : tokensOf(text.slice(0, Math.min(...ends)))
}

function promptTokensOf(messages: readonly Json[], request: Json): number {
  const tools = request['tools'] === undefined ? 0 : estimateTokens(JSON.stringify(request['tools']))
  return messages.reduce((sum, message) => sum + 3 + estimateTokens(textOf(message)), tools + 3)
}

function lastText(messages: readonly Json[], role: string): string {
  const last = messages.findLast((message) => message['role'] === role) ?? messages.at(-1)
  return textOf(last ?? {})
}

/** The text of a message; other parts are named in brackets. */
function textOf(message: Json): string {
  const { content } = message as { content?: unknown }
  if (typeof content === 'string') return content
  if (!Array.isArray(content)) return ''
  return content
    .map((part) => {
      const { type, text } = json(part) as { type?: unknown; text?: unknown }
      return typeof text === 'string' ? text : `[${String(type ?? 'part')}]`
    })
    .join('\n')
}

function json(value: unknown): Json {
  return typeof value === 'object' && value !== null && !Array.isArray(value) ? (value as Json) : {}
}
