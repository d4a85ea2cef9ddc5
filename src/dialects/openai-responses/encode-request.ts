import type { ChatParameters, ChatRequest, Dropped } from '../../chat/index.ts'
import type { EncodedRequest, Quirks, WireTarget } from '../dialect.ts'
import { isObject, type Json, list, object, text, without } from '../json.ts'
import { supports } from '../openai-chat/parameters.ts'
import { encodeReasoning } from '../openai-chat/reasoning.ts'
import { dropDearerTier } from '../tiers.ts'
import { encodeInput } from './input.ts'
import { isSealed, summaryOf } from './seal.ts'
import { encodeChoice, encodeFormat, encodeTools } from './tools.ts'
import { DIALECT } from './wire.ts'

/** Fields that are addressed to the gateway, that it writes itself, or that tell of the client's machine. */
const OURS: ReadonlySet<string> = new Set([
  'model',
  'models',
  'input',
  'stream',
  'store',
  'previous_response_id',
  'provider',
  'plugins',
  'route',
  'preset',
  'session_id',
  'trace',
  'debug',
  'usage',
  'user',
  'safety_identifier',
  'client_metadata',
  'cache_control',
  'image_config',
  'modalities',
  'stop_server_tools_when',
  'reasoning',
  'background',
  'conversation',
  'prompt',
])

const SEALED = 'reasoning.encrypted_content'

/** Body fields (`text.` for members of `text`) behind the parameter names of `supported_parameters`. */
const FIELDS: Readonly<Record<string, readonly string[]>> = {
  temperature: ['temperature'],
  top_p: ['top_p'],
  top_k: ['top_k'],
  frequency_penalty: ['frequency_penalty'],
  presence_penalty: ['presence_penalty'],
  top_logprobs: ['top_logprobs'],
  verbosity: ['text.verbosity'],
  tools: ['tools', 'tool_choice', 'parallel_tool_calls'],
  tool_choice: ['tool_choice'],
  parallel_tool_calls: ['parallel_tool_calls'],
  response_format: ['text.format'],
  structured_outputs: ['text.format'],
}

/**
 * The body for a Responses API, never stored there (`store: false`). Same dialect: a shallow copy of what came in, fields
 * of ours taken out, unknown ones left in. Other dialect: written from the hub's messages, tools and parameters. `input`
 * stands last, so that a longer conversation only adds at the end. What cannot be sent is named in `dropped`.
 */
export function encodeRequest(chat: ChatRequest, target: WireTarget): EncodedRequest<Json> {
  const dropped: Dropped[] = []
  const { quirks } = target
  const same = chat.dialect === DIALECT
  const body: Json = { model: target.upstreamId, stream: chat.stream, store: false }
  Object.assign(body, same ? without(chat.wire, OURS) : translated(chat, dropped))
  addReasoning(chat, target, body, dropped)
  dropUnsupported(chat, target, body, dropped)
  if (chat.endUserHash) body['user'] = chat.endUserHash
  applyQuirks(quirks, body, dropped)
  dropDearerTier(body, 'service_tier', (it) => dropped.push(it))
  body['input'] = same ? ownInput(chat.wire['input'], dropped) : encodeInput(chat.messages(), target, dropped)
  return { path: '/responses', headers: [], body, dropped }
}

const NONE = 'the Responses API has no such parameter'

/** Members of the hub's parameters that this format lacks, by OpenRouter's name. */
const LACKING = {
  topK: 'top_k',
  topA: 'top_a',
  minP: 'min_p',
  frequencyPenalty: 'frequency_penalty',
  presencePenalty: 'presence_penalty',
  repetitionPenalty: 'repetition_penalty',
  seed: 'seed',
  stop: 'stop',
  logitBias: 'logit_bias',
} as const satisfies Partial<Record<keyof ChatParameters, string>>

function translated(chat: ChatRequest, dropped: Dropped[]): Json {
  const body: Json = {}
  const values = chat.parameterValues()
  const tools = encodeTools(chat.tools(), dropped)
  if (tools.length > 0) body['tools'] = tools
  if (values.toolChoice !== undefined && tools.length > 0)
    body['tool_choice'] = encodeChoice(values.toolChoice)
  if (values.parallelToolCalls !== undefined) body['parallel_tool_calls'] = values.parallelToolCalls
  if (chat.maxOutputTokens !== null) body['max_output_tokens'] = chat.maxOutputTokens
  const same = {
    temperature: values.temperature,
    top_p: values.topP,
    top_logprobs: values.logprobs === false ? undefined : values.topLogprobs,
    service_tier: values.serviceTier,
    metadata: values.metadata,
    prompt_cache_key: values.promptCacheKey,
  }
  for (const [field, value] of Object.entries(same)) if (value !== undefined) body[field] = value
  if (values.logprobs) body['include'] = ['message.output_text.logprobs']
  const { responseFormat, verbosity } = values
  if (responseFormat !== undefined || verbosity !== undefined) {
    body['text'] = {
      ...(responseFormat !== undefined && { format: encodeFormat(responseFormat) }),
      ...(verbosity !== undefined && { verbosity }),
    }
  }
  const lost = Object.entries(LACKING).filter(
    ([member]) => values[member as keyof typeof LACKING] !== undefined,
  )
  for (const [, parameter] of lost) dropped.push({ parameter, reason: NONE })
  for (const parameter of Object.keys(values.extra)) dropped.push({ parameter, reason: NONE })
  for (const parameter of Object.keys(values.native ?? {})) {
    dropped.push({ parameter, reason: `only ${chat.dialect} knows it` })
  }
  if (values.cacheControl !== undefined)
    dropped.push({ parameter: 'cache_control', reason: 'the provider caches by itself' })
  if (chat.choices > 1) dropped.push({ parameter: 'n', reason: NONE })
  if (chat.outputModalities.some((name) => name !== 'text'))
    dropped.push({ parameter: 'modalities', reason: NONE })
  return body
}

/** Nothing is kept at the provider, so what the next turn needs of the reasoning has to come with the answer. */
function addReasoning(chat: ChatRequest, target: WireTarget, body: Json, dropped: Dropped[]): void {
  const { supportedParameters: supported, quirks } = target
  const able = supported === null ? chat.reasoning !== null : supports(supported, 'reasoning')
  const include = list(body['include'])
  if (able && !include.includes(SEALED)) body['include'] = [...include, SEALED]
  if (!able && include.includes(SEALED)) body['include'] = include.filter((name) => name !== SEALED)
  if (chat.reasoning === null) return
  if (!able || quirks.reasoning === 'none') {
    dropped.push({ parameter: 'reasoning', reason: 'the endpoint does not take it' })
    return
  }
  const fields = encodeReasoning(chat.reasoning, { ...quirks, reasoning: 'effort' }, chat.maxOutputTokens)
  const effort = fields?.['reasoning_effort']
  const { summary } = chat.reasoning
  const own = chat.dialect === DIALECT ? (object(chat.wire['reasoning']) ?? {}) : {}
  const reasoning = {
    ...without(own, new Set(['effort', 'max_tokens', 'enabled', 'exclude'])),
    ...(effort !== undefined && { effort }),
    ...(summary !== undefined && { summary }),
  }
  if (Object.keys(reasoning).length > 0) body['reasoning'] = reasoning
}

function dropUnsupported(chat: ChatRequest, target: WireTarget, body: Json, dropped: Dropped[]): void {
  const supported = target.supportedParameters
  if (supported === null) return
  for (const parameter of chat.parameters) {
    // The output limit is what the hold was made for: it is always sent. Reasoning has been dealt with.
    if (parameter === 'max_tokens' || parameter === 'reasoning' || supports(supported, parameter)) continue
    if (parameter === 'structured_outputs' && supports(supported, 'response_format')) {
      // Without schemas, valid JSON is the closest that can be asked for.
      body['text'] = { ...object(body['text']), format: { type: 'json_object' } }
    } else for (const field of FIELDS[parameter] ?? []) remove(body, field)
    if (!dropped.some((known) => known.parameter === parameter)) {
      dropped.push({ parameter, reason: 'the endpoint does not take it' })
    }
  }
}

function remove(body: Json, field: string): void {
  const member = field.startsWith('text.') ? field.slice('text.'.length) : null
  if (member === null) delete body[field]
  else if (isObject(body['text'])) {
    const rest = without(body['text'], new Set([member]))
    if (Object.keys(rest).length > 0) body['text'] = rest
    else delete body['text']
  }
}

function applyQuirks(quirks: Quirks, body: Json, dropped: Dropped[]): void {
  for (const field of quirks.unsupported ?? []) {
    if (body[field] === undefined) continue
    delete body[field]
    dropped.push({ parameter: field, reason: 'the provider refuses it' })
  }
  for (const [from, to] of Object.entries(quirks.rename ?? {})) {
    if (body[from] === undefined) continue
    body[to] ??= body[from]
    delete body[from]
  }
  Object.assign(body, quirks.extraBody)
}

/** Fields of reasoning items that only the gateway understands. */
const OUR_MEMBERS: ReadonlySet<string> = new Set(['format', 'signature'])

/**
 * Input of this very dialect: as it came, without references to what nobody stores and without reasoning of other
 * families; what was compacted here becomes its text.
 */
function ownInput(input: unknown, dropped: Dropped[]): unknown {
  if (!Array.isArray(input)) return input
  let foreign = false
  let references = false
  const kept = input.flatMap((item: unknown) => {
    const wire = object(item)
    const reference = wire?.['type'] === 'item_reference'
    const other = wire?.['type'] === 'reasoning' && isSealed(text(wire['encrypted_content']))
    references ||= reference
    foreign ||= other
    if (reference || other) return []
    const summary = summaryOf(wire)
    if (summary !== null)
      return [{ type: 'message', role: 'user', content: [{ type: 'input_text', text: summary }] }]
    return wire?.['type'] === 'reasoning' && ('format' in wire || 'signature' in wire)
      ? [without(wire, OUR_MEMBERS)]
      : [item]
  })
  if (references) dropped.push({ parameter: 'input.item_reference', reason: REFERENCE })
  if (foreign) dropped.push({ parameter: 'input.reasoning', reason: 'it belongs to another provider' })
  return kept
}

export const REFERENCE = 'nothing is stored here: send the item itself (with `store: false` clients do)'
