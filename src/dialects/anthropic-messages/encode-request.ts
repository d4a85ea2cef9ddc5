import type { ChatParameters, ChatRequest, ToolDefinition } from '../../chat/index.ts'
import type { EncodedRequest, WireTarget } from '../dialect.ts'
import { type Json, list, object } from '../json.ts'
import { supports } from '../openai-chat/parameters.ts'
import { dropDearerTier } from '../tiers.ts'
import { limitMarkers } from './cache.ts'
import { Drops } from './drops.ts'
import { encodeConversation, marker } from './encode-messages.ts'
import { FILES_BETA } from './media.ts'
import { type Traits, traitsOf } from './models.ts'
import { adaptOwn } from './own-request.ts'
import { addOutputConfig, addTier, addToolChoice, nameTheRest } from './parameters.ts'
import { addSampling } from './sampling.ts'
import { restrictSchema } from './schema.ts'
import { encodeThinking, type Thinking } from './thinking.ts'
import { API_VERSION, DIALECT } from './wire.ts'

/** Output limit (tokens) where neither the client nor the catalog names one: the API demands a figure. */
const DEFAULT_MAX_TOKENS = 4096

/** A body without address and headers, for hosts that put them elsewhere (Vertex, Bedrock). */
export interface EncodedBody {
  readonly body: Json
  /** Beta features that the body needs or the client asked for. */
  readonly betas: readonly string[]
  readonly drops: Drops
}

/**
 * `POST /v1/messages`. Same dialect: a shallow copy of what came in, fields of ours taken out, unknown ones left in, and
 * what this model is known to refuse adapted. Other dialects: written from the hub. `chat.wire` is never changed.
 */
export function encodeRequest(chat: ChatRequest, target: WireTarget): EncodedRequest<Json> {
  const { body, betas, drops } = encodeBody(chat, target)
  const headers: [string, string][] = [['anthropic-version', API_VERSION]]
  if (betas.length > 0) headers.push(['anthropic-beta', betas.join(',')])
  return { path: '/v1/messages', headers, body, dropped: drops.list }
}

/** The body of a Messages request for this target, and the betas that belong to it. */
export function encodeBody(chat: ChatRequest, target: WireTarget): EncodedBody {
  const drops = new Drops()
  const traits = traitsFor(target)
  // A figure of our own leaves room for the reasoning that is asked for.
  const ours = DEFAULT_MAX_TOKENS + (chat.reasoning?.maxTokens ?? 0)
  const limit = chat.maxOutputTokens ?? target.maxOutput ?? ours
  const body =
    chat.dialect === DIALECT
      ? adaptOwn(chat, target, traits, limit, drops)
      : translated(chat, target, traits, limit, drops)
  if (chat.endUserHash) body['metadata'] = { user_id: chat.endUserHash }
  limitMarkers(body, drops)
  applyQuirks(target, body, drops)
  dropDearerTier(body, 'speed', ({ parameter, reason }) => drops.add(parameter, reason))
  const betas = new Set(chat.dialect === DIALECT ? chat.betas : [])
  if (usesFileIds(body)) betas.add(FILES_BETA)
  return { body, betas: [...betas], drops }
}

/** Lists of supported parameters know better than names of models where they speak of schemas. */
function traitsFor({ upstreamId, supportedParameters: supported }: WireTarget): Traits {
  const traits = traitsOf(upstreamId)
  return supported?.includes('structured_outputs') ? { ...traits, schemas: true } : traits
}

function translated(
  chat: ChatRequest,
  target: WireTarget,
  traits: Traits,
  limit: number,
  drops: Drops,
): Json {
  const values = chat.parameterValues()
  const { system, messages } = encodeConversation(chat.messages(), drops)
  const tools = chat.tools()
  const takes = (parameter: string) =>
    target.supportedParameters === null || supports(target.supportedParameters, parameter)
  const body: Json = { model: target.upstreamId, max_tokens: limit }
  // Tools and system come before the messages in the cached prefix, so they do in the body.
  if (tools.length > 0) body['tools'] = tools.map((tool) => encodeTool(tool, traits, drops))
  if (system.length > 0) body['system'] = system
  body['messages'] = messages
  if (values.cacheControl !== undefined) Object.assign(body, marker(values.cacheControl))
  let thinking = encodeThinking(takes('reasoning') ? chat.reasoning : null, traits, limit, drops)
  if (chat.reasoning !== null && !takes('reasoning')) drops.add('reasoning', 'the endpoint does not take it')
  thinking = compatible(thinking, messages, values, drops)
  if (thinking.thinking !== undefined) body['thinking'] = thinking.thinking
  addOutputConfig(body, values, thinking, traits, drops)
  addSampling(body, values, traits, takes, drops)
  addToolChoice(body, values, traits, tools.length, drops)
  if (chat.stream) body['stream'] = true
  addTier(body, values, drops)
  nameTheRest(chat, values, drops)
  return body
}

/** Reasoning by budget goes neither with a forced tool nor with a loop of tools begun without reasoning. */
function compatible(
  thinking: Thinking,
  messages: readonly Json[],
  { toolChoice }: ChatParameters,
  drops: Drops,
): Thinking {
  const type = thinking.thinking?.['type']
  if (type !== 'enabled' && type !== 'adaptive') return thinking
  const forced = toolChoice?.kind === 'required' || toolChoice?.kind === 'tool'
  if (type === 'enabled' && forced) {
    drops.add('reasoning', 'the model does not reason when it is made to call a tool')
    return {}
  }
  if (type === 'enabled' && loopWithoutThinking(messages)) {
    drops.add('reasoning', 'the turn whose tools are answered came back without its signed reasoning')
    return {}
  }
  return thinking
}

function loopWithoutThinking(messages: readonly Json[]): boolean {
  const answers = list(messages.at(-1)?.['content']).some(
    (block) => object(block)?.['type'] === 'tool_result',
  )
  const turn = messages.findLast(({ role }) => role === 'assistant')
  const first = object(list(turn?.['content'])[0])?.['type']
  return answers && first !== undefined && first !== 'thinking' && first !== 'redacted_thinking'
}

function encodeTool(tool: ToolDefinition, traits: Traits, drops: Drops): Json {
  const { name, description, parameters, strict, cache } = tool
  const restricted = strict === true && traits.schemas
  if (strict === true && !traits.schemas)
    drops.add('tools', 'the model does not hold tools strictly to their schema')
  const schema = object(parameters) ?? {}
  return {
    name,
    ...(description !== undefined && { description }),
    input_schema: restricted ? restrictSchema({ type: 'object', ...schema }) : { type: 'object', ...schema },
    ...(restricted && { strict: true }),
    ...(cache !== undefined && marker(cache)),
  }
}

function applyQuirks({ quirks }: WireTarget, body: Json, drops: Drops): void {
  for (const field of quirks.unsupported ?? []) {
    if (body[field] === undefined) continue
    delete body[field]
    drops.add(field, 'the provider refuses it')
  }
  for (const [from, to] of Object.entries(quirks.rename ?? {})) {
    if (body[from] === undefined) continue
    body[to] ??= body[from]
    delete body[from]
  }
  Object.assign(body, quirks.extraBody)
}

function usesFileIds(body: Json): boolean {
  return list(body['messages']).some((message) =>
    list(object(message)?.['content']).some((block) => {
      const source = object(object(block)?.['source'])
      return source?.['type'] === 'file'
    }),
  )
}
