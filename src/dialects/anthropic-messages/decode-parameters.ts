import type { CacheMarker, ChatParameters, ReasoningRequest, ToolDefinition } from '../../chat/index.ts'
import { type Json, list, object, othersOf, text } from '../json.ts'
import { optional, refuse } from '../openai-chat/check.ts'

type Plain<T> = { -readonly [K in keyof T]: T[K] }
type Effort = NonNullable<ReasoningRequest['effort']>

const EFFORTS = ['low', 'medium', 'high', 'xhigh', 'max'] as const

/** Tools that are declared by a schema; others are of Anthropic's own making. */
export const isFunction = (tool: Json): boolean =>
  tool['type'] === undefined || tool['type'] === null || tool['type'] === 'custom'

/** `cache_control` of a block, a tool or a body. */
export function cacheOf(wire: Json): CacheMarker | undefined {
  const control = object(wire['cache_control'])
  if (control === null) return undefined
  const ttl = control['ttl']
  return ttl === '5m' || ttl === '1h' ? { ttl } : {}
}

/** A tool in the hub's words; none for tools of Anthropic's own making. */
export function decodeTool(wire: Json): ToolDefinition[] {
  const name = text(wire['name'])
  if (!isFunction(wire) || name === null) return []
  const cache = cacheOf(wire)
  return [
    {
      name,
      ...(typeof wire['description'] === 'string' && { description: wire['description'] }),
      ...(wire['input_schema'] !== undefined && { parameters: wire['input_schema'] }),
      ...(typeof wire['strict'] === 'boolean' && { strict: wire['strict'] }),
      ...(cache !== undefined && { cache }),
    },
  ]
}

/** Is the model asked to think, in either way of this API? */
const thinks = (type: unknown): boolean => type === 'enabled' || type === 'adaptive'

/**
 * `thinking` (and, with adaptive thinking, `output_config.effort`) as the hub's reasoning; null when the body does not
 * speak of it. `display: omitted` hides the text only: signatures are still told.
 */
export function decodeReasoning(body: Json): ReasoningRequest | null {
  const thinking = optional.object(body, 'thinking')
  const effort = effortOf(body)
  if (thinking === undefined) return null
  const hidden = thinking['display'] === 'omitted' ? { exclude: true } : {}
  switch (thinking['type']) {
    case 'enabled': {
      const budget = optional.integer(
        thinking,
        'budget_tokens',
        1,
        Number.MAX_SAFE_INTEGER,
        'thinking.budget_tokens',
      )
      return budget === undefined ? { enabled: true, ...hidden } : { maxTokens: budget, ...hidden }
    }
    case 'adaptive':
      return effort === undefined ? { enabled: true, ...hidden } : { effort, ...hidden }
    case 'disabled':
    case 'between_tools':
      return { enabled: false }
    default:
      return refuse('thinking.type', '`thinking.type` must be "enabled", "adaptive" or "disabled".')
  }
}

function effortOf(body: Json): Effort | undefined {
  const config = optional.object(body, 'output_config') ?? {}
  return optional.oneOf(config, 'effort', EFFORTS, 'output_config.effort')
}

/** OpenRouter's names of the parameters in use. */
export function parametersInUse(body: Json): string[] {
  const config = object(body['output_config'])
  const thinking = object(body['thinking'])?.['type']
  const choice = object(body['tool_choice'])
  const used: Readonly<Record<string, boolean>> = {
    temperature: given(body['temperature']),
    top_p: given(body['top_p']),
    top_k: given(body['top_k']),
    stop: list(body['stop_sequences']).length > 0,
    max_tokens: given(body['max_tokens']),
    reasoning: thinks(thinking),
    verbosity: given(config?.['effort']) && !thinks(thinking),
    tools: list(body['tools']).length > 0,
    tool_choice: choice !== null,
    parallel_tool_calls: choice?.['disable_parallel_tool_use'] === true,
    response_format: object(config?.['format']) !== null,
    structured_outputs: object(config?.['format']) !== null,
  }
  return Object.keys(used).filter((name) => used[name])
}

const given = (value: unknown): boolean => value !== undefined && value !== null

/** What has words in the hub, or is addressed to the gateway, or stands in the request itself. */
const KNOWN: ReadonlySet<string> = new Set([
  'model',
  'models',
  'fallbacks',
  'messages',
  'system',
  'max_tokens',
  'stream',
  'stop_sequences',
  'temperature',
  'top_p',
  'top_k',
  'thinking',
  'tools',
  'tool_choice',
  'metadata',
  'output_config',
  'service_tier',
  'cache_control',
  'provider',
  'plugins',
  'route',
  'transforms',
  'preset',
  'session_id',
  'user',
  'trace',
  'debug',
  'usage',
  'max_tool_calls',
  'stop_server_tools_when',
])

/** The parameters of a checked Messages body. */
export function valuesOf(body: Json): ChatParameters {
  const values: Plain<ChatParameters> = { extra: {}, native: nativeOf(body) }
  for (const [field, member] of [
    ['temperature', 'temperature'],
    ['top_p', 'topP'],
    ['top_k', 'topK'],
  ] as const) {
    const value = body[field]
    if (typeof value === 'number') values[member] = value
  }
  const stops = list(body['stop_sequences'])
  if (stops.length > 0) values.stop = stops as string[]
  addToolChoice(object(body['tool_choice']), values)
  const config = object(body['output_config'])
  const format = object(config?.['format'])
  if (format !== null)
    values.responseFormat = { kind: 'schema', strict: true, schema: format['schema'] ?? {} }
  // With thinking, effort is the depth of the reasoning.
  const effort = text(config?.['effort'])
  if (effort !== null && !thinks(object(body['thinking'])?.['type'])) values.verbosity = effort
  const tier = text(body['service_tier'])
  if (tier !== null) values.serviceTier = tier === 'standard_only' ? 'default' : tier
  const cache = cacheOf(body)
  if (cache !== undefined) values.cacheControl = cache
  return values
}

function addToolChoice(choice: Json | null, values: Plain<ChatParameters>): void {
  const name = text(choice?.['name'])
  const type = choice?.['type']
  if (type === 'auto' || type === 'none') values.toolChoice = { kind: type }
  else if (type === 'any') values.toolChoice = { kind: 'required' }
  else if (type === 'tool' && name !== null) values.toolChoice = { kind: 'tool', name }
  const serial = choice?.['disable_parallel_tool_use']
  if (typeof serial === 'boolean') values.parallelToolCalls = !serial
}

const KNOWN_TOOL: ReadonlySet<string> = new Set([
  'type',
  'name',
  'description',
  'input_schema',
  'strict',
  'cache_control',
])
const KNOWN_CONFIG: ReadonlySet<string> = new Set(['effort', 'format'])

/** Fields, tools and settings that only this API has. */
function nativeOf(body: Json): Json {
  const native: Json = { ...othersOf(body, KNOWN), ...documentWishes(body) }
  for (const item of list(body['tools'])) {
    const tool = object(item) ?? {}
    if (!isFunction(tool)) native[`tools.${text(tool['type']) ?? 'unknown'}`] = tool
    else for (const [key, value] of Object.entries(othersOf(tool, KNOWN_TOOL))) native[`tools.${key}`] = value
  }
  for (const [key, value] of Object.entries(othersOf(object(body['output_config']), KNOWN_CONFIG)))
    native[`output_config.${key}`] = value
  // A list of models is routed here; the provider's own list is its own.
  if (body['fallbacks'] === 'default') native['fallbacks'] = 'default'
  return native
}

/** Citations from documents or search results, and what is said about a document beside it: no other API has them. */
function documentWishes(body: Json): Json {
  const wishes: Json = {}
  const look = (content: unknown): void => {
    for (const item of list(content)) {
      const block = object(item)
      if (object(block?.['citations'])?.['enabled'] === true) wishes['citations'] = { enabled: true }
      if (block?.['type'] === 'document' && text(block['context']) !== null) wishes['document.context'] = true
      look(block?.['content'])
    }
  }
  for (const message of list(body['messages'])) look(object(message)?.['content'])
  return wishes
}
