import type { ChatParameters, Dropped, ResponseFormat, ToolChoice } from '../../chat/index.ts'
import { type Json, list, object, text } from '../json.ts'
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

/** The parameters of a checked Responses body. */
export function parameterValuesOf(body: Json): ChatParameters {
  const values: Plain<ChatParameters> = { extra: {} }
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
  const top = body['top_logprobs']
  if (list(body['include']).includes(LOGPROBS) || (typeof top === 'number' && top > 0)) {
    values.logprobs = true
    if (typeof top === 'number') values.topLogprobs = top
  }
  const marker = cacheOf(body)
  if (marker !== undefined) values.cacheControl = marker
  return values
}

const LOGPROBS = 'message.output_text.logprobs'

/** What of a body other formats have no words for. `tools` names the hosted tools that were asked for. */
export function untranslatedOf(body: Json, tools: readonly string[]): Dropped[] {
  const lost: Dropped[] = tools.map((type) => ({
    parameter: `tools.${type}`,
    reason: 'only a Responses API runs this tool',
  }))
  const choice = object(body['tool_choice'])
  if (choice !== null && choice['type'] !== 'function' && choice['type'] !== 'custom') {
    lost.push({ parameter: 'tool_choice', reason: `only a Responses API knows ${text(choice['type'])}` })
  }
  for (const [parameter, usual] of [
    ['truncation', 'disabled'],
    ['max_tool_calls', null],
    ['prompt_cache_retention', null],
    ['prompt_cache_options', null],
  ] as const) {
    const value = body[parameter] ?? null
    if (value !== null && value !== usual)
      lost.push({ parameter, reason: 'only a Responses API has this parameter' })
  }
  return lost
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
  const { logprobs } = parameterValuesOf(body)
  if (logprobs) used.push('logprobs', 'top_logprobs')
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
