import type { ChatParameters, ResponseFormat, ToolChoice } from '../../chat/index.ts'
import { isObject, type Json, list, object, othersOf, text } from '../json.ts'
import { cacheOf } from './messages.ts'
import { PARAMETERS } from './parameters.ts'

type Plain<T> = { -readonly [K in keyof T]: T[K] }

/** Members that are the same on both sides but for the spelling of their names. */
const SAME = {
  temperature: 'temperature',
  top_p: 'topP',
  top_k: 'topK',
  top_a: 'topA',
  min_p: 'minP',
  frequency_penalty: 'frequencyPenalty',
  presence_penalty: 'presencePenalty',
  repetition_penalty: 'repetitionPenalty',
  seed: 'seed',
  parallel_tool_calls: 'parallelToolCalls',
  logit_bias: 'logitBias',
  logprobs: 'logprobs',
  top_logprobs: 'topLogprobs',
  verbosity: 'verbosity',
  service_tier: 'serviceTier',
  metadata: 'metadata',
  prompt_cache_key: 'promptCacheKey',
} as const satisfies Record<string, keyof ChatParameters>

/** Fields that are read with more care, or that the request tells as members of its own. */
const ELSEWHERE: ReadonlySet<string> = new Set([
  'tools',
  'max_tokens',
  'max_completion_tokens',
  'reasoning',
  'reasoning_effort',
  'include_reasoning',
  'stop',
  'response_format',
  'tool_choice',
])

/** How images and speech are to be made. */
const OUTPUTS = ['image_config', 'audio'] as const

/** What has words in the hub, is addressed to the gateway, or stands in the request itself. */
const KNOWN: ReadonlySet<string> = new Set([
  ...Object.keys(SAME),
  ...Object.values(PARAMETERS).flat(),
  ...OUTPUTS,
  'model',
  'models',
  'messages',
  'stream',
  'stream_options',
  'modalities',
  'n',
  'user',
  'cache_control',
  'provider',
  'plugins',
  'route',
  'transforms',
  'preset',
  'session_id',
  'safety_identifier',
  'trace',
  'debug',
  'usage',
  'max_tool_calls',
  'stop_server_tools_when',
])

/** Fields and tools that only providers of this format know. */
function nativeOf(body: Json): Json {
  const native = othersOf(body, KNOWN)
  // As it is when nothing is said.
  if (native['store'] === false) delete native['store']
  for (const tool of list(body['tools'])) {
    const type = text(object(tool)?.['type'])
    if (type !== null && object(object(tool)?.['function']) === null) native[`tools.${type}`] = tool
  }
  return native
}

/** The parameters of a checked Chat Completions body. */
export function parameterValuesOf(body: Json): ChatParameters {
  const extra: Json = {}
  const same: Json = {}
  for (const [field, member] of Object.entries(SAME)) {
    if (body[field] !== undefined && body[field] !== null) same[member] = body[field]
  }
  const values: Plain<ChatParameters> = { ...same, extra }
  const { stop, response_format: format, tool_choice: choice } = body
  if (typeof stop === 'string') values.stop = [stop]
  else if (list(stop).length > 0) values.stop = list(stop) as string[]
  const marker = cacheOf(body)
  if (marker !== undefined) values.cacheControl = marker
  const responseFormat = decodeFormat(format)
  if (responseFormat !== undefined) values.responseFormat = responseFormat
  else if (isObject(format) && format['type'] !== 'text') extra['response_format'] = format
  const toolChoice = decodeChoice(choice)
  if (toolChoice !== undefined) values.toolChoice = toolChoice
  else if (choice !== undefined && choice !== null) extra['tool_choice'] = choice
  for (const field of [...Object.values(PARAMETERS).flat(), ...OUTPUTS]) {
    if (field in SAME || ELSEWHERE.has(field)) continue
    if (body[field] !== undefined && body[field] !== null) extra[field] = body[field]
  }
  const native = nativeOf(body)
  if (Object.keys(native).length > 0) values.native = native
  return values
}

function decodeFormat(format: unknown): ResponseFormat | undefined {
  const wire = object(format)
  if (wire?.['type'] === 'json_object') return { kind: 'json' }
  const schema = object(wire?.['json_schema'])
  if (wire?.['type'] !== 'json_schema' || schema === null) return undefined
  const name = text(schema['name'])
  const description = text(schema['description'])
  return {
    kind: 'schema',
    ...(name !== null && { name }),
    ...(description !== null && { description }),
    ...(typeof schema['strict'] === 'boolean' && { strict: schema['strict'] }),
    schema: schema['schema'] ?? {},
  }
}

function decodeChoice(choice: unknown): ToolChoice | undefined {
  if (choice === 'auto' || choice === 'none' || choice === 'required') return { kind: choice }
  const name = text(object(object(choice)?.['function'])?.['name'])
  return name === null ? undefined : { kind: 'tool', name }
}

/** Hub parameters as fields of a Chat Completions body. */
export function encodeParameterValues(values: ChatParameters): Json {
  const body: Json = { ...values.extra }
  for (const [field, member] of Object.entries(SAME)) {
    if (values[member] !== undefined) body[field] = values[member]
  }
  if (values.stop !== undefined) body['stop'] = values.stop
  const { responseFormat: format, toolChoice: choice, cacheControl } = values
  if (format?.kind === 'json') body['response_format'] = { type: 'json_object' }
  else if (format !== undefined) {
    const { kind: _kind, name = 'response', ...rest } = format
    body['response_format'] = { type: 'json_schema', json_schema: { name, ...rest } }
  }
  if (choice !== undefined) {
    body['tool_choice'] =
      choice.kind === 'tool' ? { type: 'function', function: { name: choice.name } } : choice.kind
  }
  if (cacheControl !== undefined) body['cache_control'] = { type: 'ephemeral', ...cacheControl }
  return body
}
