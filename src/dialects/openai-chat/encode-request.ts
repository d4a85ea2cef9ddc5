import type { ChatRequest, ContentPart, Dropped } from '../../chat/index.ts'
import type { EncodedRequest, Quirks, WireTarget } from '../dialect.ts'
import { isObject, type Json, list, object, text, without } from '../json.ts'
import { dropDearerTier } from '../tiers.ts'
import { encodeMessages, encodeTools } from './messages.ts'
import { PARAMETERS, supports } from './parameters.ts'
import { encodeReasoning, unheard } from './reasoning.ts'
import { moveToolMedia } from './tool-media.ts'
import { encodeParameterValues } from './values.ts'
import { DIALECT } from './wire.ts'

/** Fields that are addressed to the gateway, never to a provider; `user` is told as a hash only. */
const OURS: ReadonlySet<string> = new Set([
  'model',
  'models',
  'messages',
  'provider',
  'plugins',
  'route',
  'transforms',
  'preset',
  'session_id',
  'trace',
  'debug',
  'usage',
  'user',
  'reasoning',
  'reasoning_effort',
  'include_reasoning',
  'stream',
  'stream_options',
  'max_tool_calls',
  'stop_server_tools_when',
])

/**
 * The body for an OpenAI-compatible provider. Same dialect: a shallow copy of what came in, fields of ours taken out,
 * unknown ones left in. Other dialect: written from the hub's messages, tools and parameters. Then the provider's quirks;
 * every parameter that cannot be sent is named in `dropped`. `chat.wire` is never changed.
 */
export function encodeRequest(chat: ChatRequest, target: WireTarget): EncodedRequest<Json> {
  const dropped: Dropped[] = []
  const { quirks } = target
  const own = chat.dialect === DIALECT
  const source = own ? chat.wire : translated(chat, dropped)
  const messages = own
    ? (list(chat.wire['messages']) as Json[])
    : moveToolMedia(encodeMessages(chat.messages()))
  const body: Json = {
    model: target.upstreamId,
    messages: adaptMessages(messages, quirks, dropped),
    stream: chat.stream,
    ...without(source, OURS),
  }
  if (chat.stream && !quirks.noStreamOptions) {
    body['stream_options'] = { ...object(source['stream_options']), include_usage: true }
  }
  // OpenAI takes metadata only with `store`.
  if (body['store'] !== true) delete body['metadata']
  if (chat.endUserHash) body['user'] = chat.endUserHash
  if (!takesMarkers(quirks)) dropCacheMarkers(body, dropped)
  addReasoning(chat, target, body, source, dropped)
  dropUnsupported(chat, target, body, dropped)
  applyQuirks(quirks, body, dropped)
  dropDearerTier(body, 'service_tier', (it) => dropped.push(it))
  return { path: '/chat/completions', headers: [], body, dropped }
}

function translated(chat: ChatRequest, dropped: Dropped[]): Json {
  const values = chat.parameterValues()
  for (const parameter of Object.keys(values.native ?? {})) {
    dropped.push({ parameter, reason: `only ${chat.dialect} knows it` })
  }
  const isForeign = (part: ContentPart) => part.kind === 'opaque' && part.dialect !== DIALECT
  if (chat.messages().some(({ content }) => content.some(isForeign))) {
    dropped.push({
      parameter: 'messages',
      reason: `a part of the conversation that only ${chat.dialect} knows`,
    })
  }
  const body: Json = encodeParameterValues(values)
  const tools = chat.tools()
  if (tools.length > 0) body['tools'] = encodeTools(tools)
  if (chat.maxOutputTokens !== null) body['max_tokens'] = chat.maxOutputTokens
  if (chat.choices > 1) body['n'] = chat.choices
  if (chat.outputModalities.some((name) => name !== 'text')) body['modalities'] = chat.outputModalities
  return body
}

function addReasoning(
  chat: ChatRequest,
  target: WireTarget,
  body: Json,
  source: Json,
  dropped: Dropped[],
): void {
  if (chat.reasoning === null) return
  const { supportedParameters: supported, quirks } = target
  if (supported !== null && !supports(supported, 'reasoning')) {
    dropped.push({ parameter: 'reasoning', reason: 'the endpoint does not take it' })
    return
  }
  const fields = encodeReasoning(chat.reasoning, quirks, chat.maxOutputTokens)
  for (const parameter of unheard(chat.reasoning, quirks))
    dropped.push({ parameter, reason: 'the provider only switches reasoning on or off' })
  if (fields === null)
    dropped.push({ parameter: 'reasoning', reason: 'the provider cannot be asked to reason' })
  else if (isObject(fields['reasoning'])) {
    // Members that only a provider of this very kind knows (`context`, `mode`) go along.
    body['reasoning'] = { ...object(source['reasoning']), ...fields['reasoning'] }
  } else Object.assign(body, fields)
}

function dropUnsupported(chat: ChatRequest, target: WireTarget, body: Json, dropped: Dropped[]): void {
  const supported = target.supportedParameters
  if (supported === null) return
  for (const parameter of chat.parameters) {
    // The output limit is what the hold was made for: it is always sent. Reasoning has been dealt with.
    if (parameter === 'max_tokens' || parameter === 'reasoning' || supports(supported, parameter)) continue
    if (parameter === 'structured_outputs') {
      // Without schemas, valid JSON is the closest that can be asked for.
      if (supports(supported, 'response_format')) body['response_format'] = { type: 'json_object' }
    } else for (const field of PARAMETERS[parameter] ?? []) delete body[field]
    dropped.push({ parameter, reason: 'the endpoint does not take it' })
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

function dropCacheMarkers(body: Json, dropped: Dropped[]): void {
  const named = () => dropped.push({ parameter: 'cache_control', reason: 'the provider caches by itself' })
  if (body['cache_control'] !== undefined) {
    delete body['cache_control']
    named()
  }
  const tools = list(body['tools'])
  if (tools.some(hasMarker)) {
    body['tools'] = tools.map(unmarked)
    named()
  }
}

/** OpenRouter-like providers take what we take. */
const takesMarkers = (quirks: Quirks): boolean => quirks.cacheControl ?? quirks.reasoning === 'object'

const MARKERS: ReadonlySet<string> = new Set(['cache_control', 'prompt_cache_breakpoint'])
const hasMarker = (value: unknown): boolean => isObject(value) && value['cache_control'] !== undefined
const unmarked = (value: unknown): unknown => (isObject(value) ? without(value, MARKERS) : value)

/** Fields of an assistant message that hold earlier reasoning, and those that only we understand. */
const REASONING_FIELDS: ReadonlySet<string> = new Set([
  'reasoning',
  'reasoning_content',
  'reasoning_details',
  'annotations',
  'model',
])

/** The messages as this provider takes them; the same array when nothing has to change. */
function adaptMessages(messages: readonly Json[], quirks: Quirks, dropped: Dropped[]): readonly Json[] {
  let adapted: Json[] | null = null
  const lost = new Set<string>()
  for (const [i, message] of messages.entries()) {
    const changed = adaptMessage(message, quirks, lost)
    if (changed === message) continue
    adapted ??= [...messages]
    adapted[i] = changed
  }
  for (const parameter of lost) dropped.push({ parameter, reason: 'the provider does not take it back' })
  return adapted ?? messages
}

function adaptMessage(message: Json, quirks: Quirks, lost: Set<string>): Json {
  let changed = message
  if (quirks.noDeveloperRole && message['role'] === 'developer') changed = { ...changed, role: 'system' }
  const content = message['content']
  if (!takesMarkers(quirks) && Array.isArray(content) && content.some(hasMarker)) {
    changed = { ...changed, content: content.map(unmarked) }
    lost.add('cache_control')
  }
  return message['role'] === 'assistant' ? replayReasoning(changed, quirks, lost) : changed
}

/** Providers that switch thinking on and off take back what was thought. */
const SWITCHED: ReadonlySet<string> = new Set(['enable-thinking', 'thinking-type', 'thinking-effort'])

function replayMode(quirks: Quirks): NonNullable<Quirks['replayReasoning']> {
  if (quirks.replayReasoning !== undefined) return quirks.replayReasoning
  if (quirks.reasoning === 'object') return 'details'
  return SWITCHED.has(quirks.reasoning ?? 'effort') ? 'content' : 'none'
}

function replayReasoning(message: Json, quirks: Quirks, lost: Set<string>): Json {
  const mode = replayMode(quirks)
  let affected = false
  for (const field of REASONING_FIELDS) affected ||= message[field] !== undefined
  if (!affected || mode === 'details') return message
  const details = list(message['reasoning_details'])
  const said =
    text(message['reasoning']) ??
    text(message['reasoning_content']) ??
    text(details.map((detail) => text(object(detail)?.['text']) ?? '').join(''))
  const plain = without(message, REASONING_FIELDS)
  // DeepSeek wants the field in a turn with calls even where the model thought nothing.
  const content = said ?? (message['reasoning_content'] === '' ? '' : null)
  if (mode === 'content' && content !== null) return { ...plain, reasoning_content: content }
  if (said === null && details.length === 0) return plain
  if (mode === 'reasoning' && said !== null) return { ...plain, reasoning: said }
  lost.add('reasoning_details')
  return plain
}
