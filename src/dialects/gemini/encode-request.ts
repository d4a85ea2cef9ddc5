import type { ChatParameters, ChatRequest, ToolDefinition } from '../../chat/index.ts'
import type { EncodedRequest, WireTarget } from '../dialect.ts'
import { isObject, type Json, list, object, text, without } from '../json.ts'
import { dropDearerTier } from '../tiers.ts'
import { encodeConversation } from './contents.ts'
import { Drops } from './drops.ts'
import { generationConfig, isTaken } from './generation-config.ts'
import { traitsOf } from './models.ts'
import { adaptOwn } from './own-request.ts'
import { restrictSchema } from './schema.ts'
import { DIALECT, field } from './wire.ts'

/**
 * `POST /v1beta/models/{id}:generateContent`, or `:streamGenerateContent?alt=sse`. Same dialect: a shallow copy of what
 * came in, fields of ours taken out, unknown ones left in. Other dialects: written from the hub, `contents` last, so that
 * a growing conversation only grows at its end. `chat.wire` is never changed.
 */
export function encodeRequest(chat: ChatRequest, target: WireTarget): EncodedRequest<Json> {
  const drops = new Drops()
  const headers: [string, string][] = []
  const body = chat.dialect === DIALECT ? adaptOwn(chat, target, drops) : translated(chat, target, drops)
  settleTier(body, target, headers, drops)
  applyQuirks(target, body, drops)
  const verb = chat.stream ? 'streamGenerateContent?alt=sse' : 'generateContent'
  return { path: modelPath(target.upstreamId, verb), headers, body, dropped: drops.list }
}

/** Below the base URL; Vertex puts its project and location before it. */
export function modelPath(upstreamId: string, verb: string): string {
  const name = upstreamId
    .replace(/^models\//, '')
    .split('/')
    .map(encodeURIComponent)
    .join('/')
  return `/v1beta/${name.startsWith('tunedModels/') ? '' : 'models/'}${name}:${verb}`
}

function translated(chat: ChatRequest, target: WireTarget, drops: Drops): Json {
  const traits = traitsOf(target.upstreamId)
  const values = supported(chat.parameterValues(), target, drops)
  const { system, contents } = encodeConversation(chat.messages(), traits.third, drops)
  const takes = (parameter: string) => isTaken(target, parameter)
  const tools = takes('tools') ? chat.tools() : []
  if (tools.length < chat.tools().length) drops.add('tools', 'the endpoint does not take it')
  const body: Json = {}
  if (system.length > 0) body['systemInstruction'] = { parts: system }
  if (tools.length > 0) {
    body['tools'] = [{ functionDeclarations: tools.map((tool) => declaration(tool, drops)) }]
    const choice = functionCalling(values, drops)
    if (choice !== null) body['toolConfig'] = { functionCallingConfig: choice }
  }
  const config = generationConfig(chat, values, tools.length > 0, target, traits, drops)
  if (Object.keys(config).length > 0) body['generationConfig'] = config
  addTier(values, body, drops)
  nameTheRest(values, drops)
  body['contents'] = contents
  return body
}

/** Members of the parameters by their names in lists of endpoints. */
const MEMBERS = {
  temperature: 'temperature',
  topP: 'top_p',
  topK: 'top_k',
  frequencyPenalty: 'frequency_penalty',
  presencePenalty: 'presence_penalty',
  seed: 'seed',
  stop: 'stop',
  responseFormat: 'response_format',
  toolChoice: 'tool_choice',
  logprobs: 'logprobs',
  topLogprobs: 'top_logprobs',
} as const satisfies Partial<Record<keyof ChatParameters, string>>

/** The parameters without those that the endpoint does not take, which are named. */
function supported(values: ChatParameters, target: WireTarget, drops: Drops): ChatParameters {
  const kept: { -readonly [K in keyof ChatParameters]: ChatParameters[K] } = { ...values }
  for (const [member, parameter] of Object.entries(MEMBERS)) {
    const key = member as keyof typeof MEMBERS
    if (kept[key] === undefined || isTaken(target, parameter)) continue
    delete kept[key]
    drops.add(parameter, 'the endpoint does not take it')
  }
  return kept
}

function declaration(tool: ToolDefinition, drops: Drops): Json {
  const { name, description, parameters, cache } = tool
  if (cache !== undefined) drops.add('cache_control', 'the provider caches by itself')
  if (tool.strict === true)
    drops.add('tools.strict', 'Google does not promise that calls hold to their schema')
  return {
    name,
    ...(description !== undefined && { description }),
    ...(isObject(parameters) && { parametersJsonSchema: restrictSchema(parameters, 'tools', drops) }),
  }
}

function functionCalling({ toolChoice, parallelToolCalls }: ChatParameters, drops: Drops): Json | null {
  if (parallelToolCalls === false) drops.add('parallel_tool_calls', 'Gemini decides on parallel calls itself')
  switch (toolChoice?.kind) {
    case undefined:
      return null
    case 'tool':
      return { mode: 'ANY', allowedFunctionNames: [toolChoice!.kind === 'tool' ? toolChoice.name : ''] }
    case 'required':
      return { mode: 'ANY' }
    case 'none':
      return { mode: 'NONE' }
    default:
      return { mode: 'AUTO' }
  }
}

const TIERS: Readonly<Record<string, string | null>> = {
  auto: null,
  default: null,
  standard: null,
  flex: 'flex',
  priority: 'priority',
  fast: 'priority',
}

function addTier({ serviceTier }: ChatParameters, body: Json, drops: Drops): void {
  if (serviceTier === undefined) return
  const tier = TIERS[serviceTier]
  if (tier === undefined) drops.add('service_tier', "Google's API has no such tier")
  else if (tier !== null) body['serviceTier'] = tier
}

/** AI Studio reads the tier in the body, Vertex, which refuses the field, in a header. None is asked for that costs more. */
function settleTier(body: Json, { quirks }: WireTarget, headers: [string, string][], drops: Drops): void {
  const told = text(field(body, 'serviceTier'))
  if (told === null) return
  delete body['serviceTier']
  delete body['service_tier']
  const named: Json = { serviceTier: told.toLowerCase().replace(/^service_tier_/, '') }
  dropDearerTier(named, 'serviceTier', ({ parameter, reason }) => drops.add(parameter, reason))
  if (named['serviceTier'] === undefined) return
  if (!quirks.unsupported?.includes('serviceTier')) body['serviceTier'] = told
  else if (named['serviceTier'] === 'flex') headers.push(['x-vertex-ai-llm-shared-request-type', 'flex'])
}

/** Parameters of other dialects that this one has no words for. */
const ABSENT = {
  topA: 'top_a',
  minP: 'min_p',
  repetitionPenalty: 'repetition_penalty',
  logitBias: 'logit_bias',
  verbosity: 'verbosity',
  cacheControl: 'cache_control',
} as const satisfies Partial<Record<keyof ChatParameters, string>>
const SAID: ReadonlySet<string> = new Set(['image_config', 'audio'])

function nameTheRest(values: ChatParameters, drops: Drops): void {
  const reason = "Google's API has no such parameter"
  for (const [member, parameter] of Object.entries(ABSENT)) {
    if (values[member as keyof typeof ABSENT] !== undefined) drops.add(parameter, reason)
  }
  for (const parameter of Object.keys({ ...without({ ...values.extra }, SAID), ...values.native })) {
    drops.add(parameter, reason)
  }
}

/** The provider's quirks name fields of the body or of `generationConfig`. */
function applyQuirks({ quirks }: WireTarget, body: Json, drops: Drops): void {
  for (const name of quirks.unsupported ?? []) {
    const config = object(body['generationConfig'])
    if (body[name] !== undefined) delete body[name]
    else if (config?.[name] !== undefined) body['generationConfig'] = without(config, new Set([name]))
    else continue
    drops.add(name, 'the provider refuses it')
  }
  const { contents, ...rest } = body
  for (const key of Object.keys(body)) delete body[key]
  Object.assign(body, rest, quirks.extraBody, { contents: list(contents) })
}
