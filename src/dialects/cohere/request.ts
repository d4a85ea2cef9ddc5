import type { ChatParameters, ChatRequest, ToolDefinition } from '../../chat/index.ts'
import { Drops } from '../anthropic-messages/drops.ts'
import { wanted } from '../anthropic-messages/thinking.ts'
import type { EncodedRequest, WireTarget } from '../dialect.ts'
import { type Json, list, object } from '../json.ts'
import { supports } from '../openai-chat/parameters.ts'
import { encodeConversation } from './conversation.ts'

/** Fields of Cohere's API that a client of any format may send by their own name. */
const OWN_FIELDS = ['citation_options', 'safety_mode', 'priority'] as const

/** Source: API reference, Chat v2. */
const MAX_STOPS = 5
const TOP_P = [0.01, 0.99] as const
const PENALTY = [0, 1] as const

/** Share of the output limit that an effort stands for. Source: OpenRouter's reasoning documentation. */
const SHARES: Readonly<Record<string, number>> = {
  minimal: 0.1,
  low: 0.2,
  medium: 0.5,
  high: 0.8,
  xhigh: 0.95,
  max: 0.95,
}

/**
 * `POST /v2/chat`, written from the hub's messages, tools and parameters. `messages` (and the documents in them) stand
 * last, so that a longer conversation only adds at the end. What cannot be sent is named in `dropped`.
 * Throws GatewayError `unprocessable` for media that Cohere cannot take.
 */
export function encodeRequest(chat: ChatRequest, target: WireTarget): EncodedRequest<Json> {
  const drops = new Drops()
  const values = chat.parameterValues()
  const takes = (parameter: string) =>
    target.supportedParameters === null || supports(target.supportedParameters, parameter)
  const body: Json = { model: target.upstreamId, stream: chat.stream }
  addSampling(body, chat, values, takes, drops)
  addThinking(body, chat, takes, drops)
  const choice = takes('tool_choice') ? values.toolChoice : undefined
  if (choice !== values.toolChoice) drops.add('tool_choice', 'the endpoint does not take it')
  addTools(
    body,
    chat.tools(),
    { ...values, ...(choice === undefined && { toolChoice: { kind: 'auto' } }) },
    drops,
  )
  addFormat(body, values, takes, drops)
  for (const field of OWN_FIELDS) if (chat.wire[field] !== undefined) body[field] = chat.wire[field]
  nameTheRest(chat, values, drops)
  const { messages, documents } = encodeConversation(chat.messages(), thinks(target), drops)
  body['messages'] = messages
  const cited = [...list(chat.wire['documents']), ...documents]
  if (cited.length > 0) body['documents'] = cited
  applyQuirks(target, body, drops)
  return { path: '/v2/chat', headers: [], body, dropped: drops.list }
}

/** Only reasoning models take reasoning back. */
const thinks = ({ supportedParameters: supported, upstreamId }: WireTarget): boolean =>
  supported === null ? /reasoning|command-a-plus/.test(upstreamId) : supports(supported, 'reasoning')

function addSampling(
  body: Json,
  chat: ChatRequest,
  values: ChatParameters,
  takes: (parameter: string) => boolean,
  drops: Drops,
): void {
  const bounded = (
    parameter: string,
    value: number | undefined,
    [least, most]: readonly [number, number],
  ) => {
    if (value === undefined || (value >= least && value <= most)) return value
    drops.add(parameter, `Cohere takes values from ${least} to ${most}; the nearest is sent`)
    return Math.min(Math.max(value, least), most)
  }
  const stops = values.stop?.slice(0, MAX_STOPS)
  if (stops !== undefined && stops.length < values.stop!.length) {
    drops.add('stop', `Cohere takes at most ${MAX_STOPS} sequences; the first are sent`)
  }
  const sampling = {
    temperature: ['temperature', values.temperature],
    top_p: ['p', bounded('top_p', values.topP, TOP_P)],
    top_k: ['k', values.topK],
    frequency_penalty: ['frequency_penalty', bounded('frequency_penalty', values.frequencyPenalty, PENALTY)],
    presence_penalty: ['presence_penalty', bounded('presence_penalty', values.presencePenalty, PENALTY)],
    seed: ['seed', values.seed],
    stop: ['stop_sequences', stops],
  } as const
  if (chat.maxOutputTokens !== null) body['max_tokens'] = chat.maxOutputTokens
  for (const [parameter, [field, value]] of Object.entries(sampling)) {
    if (value === undefined) continue
    if (takes(parameter)) body[field] = value
    else drops.add(parameter, 'the endpoint does not take it')
  }
}

function addThinking(
  body: Json,
  chat: ChatRequest,
  takes: (parameter: string) => boolean,
  drops: Drops,
): void {
  const wish = chat.reasoning
  const asked = wanted(wish)
  if (wish === null || asked === null) return
  if (!takes('reasoning')) {
    // Not to reason is what such a model does anyway.
    if (asked) drops.add('reasoning', 'the endpoint does not take it')
    return
  }
  if (!asked) {
    body['thinking'] = { type: 'disabled' }
    return
  }
  const share = SHARES[wish.effort ?? '']
  const limit = chat.maxOutputTokens
  const budget =
    wish.maxTokens ?? (share === undefined || limit === null ? undefined : Math.floor(limit * share))
  body['thinking'] = { type: 'enabled', ...(budget !== undefined && { token_budget: budget }) }
}

function addTools(
  body: Json,
  tools: readonly ToolDefinition[],
  { toolChoice: choice, parallelToolCalls }: ChatParameters,
  drops: Drops,
): void {
  if (tools.length === 0) return
  // There is no choice of one tool by name: it is the only one that is shown.
  const shown = choice?.kind === 'tool' ? tools.filter(({ name }) => name === choice.name) : tools
  body['tools'] = shown.map(({ name, description, parameters }) => ({
    type: 'function',
    function: {
      name,
      ...(description !== undefined && { description }),
      parameters: object(parameters) ?? { type: 'object', properties: {} },
    },
  }))
  if (shown.every(({ strict }) => strict === true)) body['strict_tools'] = true
  else if (shown.some(({ strict }) => strict === true)) {
    drops.add('tools', 'Cohere holds either all tools strictly to their schema or none')
  }
  if (choice?.kind === 'required' || choice?.kind === 'tool') body['tool_choice'] = 'REQUIRED'
  if (choice?.kind === 'none') body['tool_choice'] = 'NONE'
  if (parallelToolCalls === false) {
    drops.add('parallel_tool_calls', 'Cohere has no switch for parallel calls')
  }
  if (tools.some(({ cache }) => cache !== undefined)) {
    drops.add('cache_control', 'the provider caches by itself')
  }
}

function addFormat(
  body: Json,
  { responseFormat: format }: ChatParameters,
  takes: (parameter: string) => boolean,
  drops: Drops,
): void {
  if (format === undefined) return
  const parameter = format.kind === 'schema' ? 'structured_outputs' : 'response_format'
  if (body['tools'] !== undefined) drops.add(parameter, 'Cohere takes no response format beside tools')
  else if (!takes('response_format')) drops.add(parameter, 'the endpoint does not take it')
  else if (format.kind === 'json') body['response_format'] = { type: 'json_object' }
  else body['response_format'] = { type: 'json_object', json_schema: format.schema }
}

/** Parameters that Cohere has no words for, by OpenRouter's name. */
const ABSENT = {
  topA: 'top_a',
  minP: 'min_p',
  repetitionPenalty: 'repetition_penalty',
  logitBias: 'logit_bias',
  logprobs: 'logprobs',
  topLogprobs: 'top_logprobs',
  verbosity: 'verbosity',
  serviceTier: 'service_tier',
  metadata: 'metadata',
  promptCacheKey: 'prompt_cache_key',
} as const satisfies Partial<Record<keyof ChatParameters, string>>

function nameTheRest(chat: ChatRequest, values: ChatParameters, drops: Drops): void {
  const reason = 'Cohere has no such parameter'
  for (const [member, parameter] of Object.entries(ABSENT)) {
    const value = values[member as keyof typeof ABSENT]
    if (value !== undefined && value !== false) drops.add(parameter, reason)
  }
  for (const parameter of Object.keys({ ...values.extra, ...values.native })) drops.add(parameter, reason)
  if (values.cacheControl !== undefined) drops.add('cache_control', 'the provider caches by itself')
  if (chat.choices > 1) drops.add('n', reason)
  if (chat.outputModalities.some((name) => name !== 'text')) drops.add('modalities', reason)
}

function applyQuirks({ quirks }: WireTarget, body: Json, drops: Drops): void {
  for (const field of quirks.unsupported ?? []) {
    if (body[field] === undefined) continue
    delete body[field]
    drops.add(field, 'the provider refuses it')
  }
  Object.assign(body, quirks.extraBody)
}
