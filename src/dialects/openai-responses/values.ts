import type { ChatParameters, ResponseFormat, ToolChoice } from '../../chat/index.ts'
import { type Json, list, object, othersOf, text } from '../json.ts'
import { cacheOf } from '../openai-chat/messages.ts'
import { flatName } from './names.ts'

type Plain<T> = { -readonly [K in keyof T]: T[K] }

/** Members that are the same on both sides but for the spelling of their names. */
const SAME = {
  temperature: 'temperature',
  top_p: 'topP',
  top_k: 'topK',
  frequency_penalty: 'frequencyPenalty',
  presence_penalty: 'presencePenalty',
  parallel_tool_calls: 'parallelToolCalls',
  service_tier: 'serviceTier',
  metadata: 'metadata',
  prompt_cache_key: 'promptCacheKey',
} as const satisfies Record<string, keyof ChatParameters>

/** Names of `supported_parameters` by the field that uses them. */
const NAMES = ['temperature', 'top_p', 'top_k', 'frequency_penalty', 'presence_penalty'] as const

/** The parameters of a checked Responses body; `hosted` are the types of tools that only a Responses API runs. */
export function parameterValuesOf(body: Json, hosted: readonly string[]): ChatParameters {
  const values: Plain<ChatParameters> = { extra: {} }
  const native = nativeOf(body, hosted)
  if (Object.keys(native).length > 0) values.native = native
  const same = values as Json
  for (const [field, member] of Object.entries(SAME)) {
    if (body[field] !== undefined && body[field] !== null) same[member] = body[field]
  }
  const shape = object(body['text'])
  const format = decodeFormat(shape?.['format'])
  if (format !== undefined) values.responseFormat = format
  const verbosity = text(shape?.['verbosity'])
  if (verbosity !== null) values.verbosity = verbosity
  const choice = decodeChoice(body['tool_choice'])
  if (choice !== undefined) values.toolChoice = choice
  if (asksLogprobs(body)) {
    values.logprobs = true
    if (typeof body['top_logprobs'] === 'number') values.topLogprobs = body['top_logprobs']
  }
  const marker = cacheOf(body)
  if (marker !== undefined) values.cacheControl = marker
  return values
}

const asksLogprobs = (body: Json): boolean =>
  list(body['include']).includes('message.output_text.logprobs') || Number(body['top_logprobs'] ?? 0) > 0

/** What has words in the hub, is addressed to the gateway, or stands in the request itself. */
const KNOWN: ReadonlySet<string> = new Set([
  ...Object.keys(SAME),
  'model',
  'models',
  'input',
  'instructions',
  'stream',
  'stream_options',
  'store',
  'tools',
  'tool_choice',
  'text',
  'reasoning',
  'include',
  'top_logprobs',
  'max_output_tokens',
  'modalities',
  'cache_control',
  'user',
  'safety_identifier',
  'previous_response_id',
  'conversation',
  'prompt',
  'background',
  'provider',
  'plugins',
  'route',
  'preset',
  'session_id',
  'trace',
  'debug',
  'usage',
  'client_metadata',
  'stop_server_tools_when',
])

/** What an answer may be asked to hold that other formats have, or that only hosted tools give. */
const KNOWN_INCLUDES: readonly unknown[] = ['reasoning.encrypted_content', 'message.output_text.logprobs']

/** What of a body only a Responses API knows. */
function nativeOf(body: Json, hosted: readonly string[]): Json {
  const native: Json = othersOf(body, KNOWN)
  // As it is when nothing is said.
  if (native['truncation'] === 'disabled') delete native['truncation']
  for (const type of hosted) native[`tools.${type}`] = type
  const choice = object(body['tool_choice'])
  if (choice !== null && choice['type'] !== 'function' && choice['type'] !== 'custom') {
    native['tool_choice'] = choice
  }
  const includes = list(body['include']).filter((name) => !KNOWN_INCLUDES.includes(name))
  if (includes.length > 0) native['include'] = includes
  if (list(body['input']).some((item) => object(item)?.['type'] === 'item_reference')) {
    native['input.item_reference'] = true
  }
  return native
}

function decodeFormat(format: unknown): ResponseFormat | undefined {
  const wire = object(format)
  if (wire?.['type'] === 'json_object') return { kind: 'json' }
  if (wire?.['type'] !== 'json_schema') return undefined
  const name = text(wire['name'])
  const description = text(wire['description'])
  return {
    kind: 'schema',
    ...(name !== null && { name }),
    ...(description !== null && { description }),
    ...(typeof wire['strict'] === 'boolean' && { strict: wire['strict'] }),
    schema: wire['schema'] ?? {},
  }
}

function decodeChoice(choice: unknown): ToolChoice | undefined {
  if (choice === 'auto' || choice === 'none' || choice === 'required') return { kind: choice }
  const wire = object(choice)
  const name = text(wire?.['name'])
  if (wire?.['type'] === 'allowed_tools') return { kind: wire['mode'] === 'required' ? 'required' : 'auto' }
  if (name === null) return undefined
  return { kind: 'tool', name: flatName(text(wire?.['namespace']), name) }
}

/** `supported_parameters` names of what the body really uses. */
export function parametersInUse(body: Json, tools: number): string[] {
  const set = (value: unknown): boolean => value !== undefined && value !== null
  const used: string[] = NAMES.filter((name) => set(body[name]))
  const shape = object(body['text'])
  const format = text(object(shape?.['format'])?.['type'])
  if (asksLogprobs(body)) used.push('logprobs', 'top_logprobs')
  if (set(shape?.['verbosity'])) used.push('verbosity')
  if (set(body['max_output_tokens'])) used.push('max_tokens')
  if (set(body['reasoning'])) used.push('reasoning')
  if (tools > 0) used.push('tools')
  if (tools > 0 && set(body['tool_choice'])) used.push('tool_choice')
  if (tools > 0 && set(body['parallel_tool_calls'])) used.push('parallel_tool_calls')
  if (format === 'json_object' || format === 'json_schema') used.push('response_format')
  if (format === 'json_schema') used.push('structured_outputs')
  return used
}
