import {
  type ChatMessage,
  type ChatParameters,
  type ChatRequest,
  GatewayError,
  type ReasoningRequest,
} from '../../chat/index.ts'
import type { RequestTarget } from '../dialect.ts'
import { isObject, type Json, object, text } from '../json.ts'
import { optional, refuse } from '../openai-chat/check.ts'
import { checkMetadata, decodeModels, extrasOf } from '../openai-chat/decode-request.ts'
import { emptyMeasure, type Measure, weigh } from '../openai-chat/measure.ts'
import { decodePreferences } from '../openai-chat/preferences.ts'
import { decodeReasoning } from '../openai-chat/reasoning.ts'
import { REFERENCE } from './encode-request.ts'
import { decodeInput } from './items.ts'
import { type DecodedTools, decodeTools } from './tools.ts'
import { parametersInUse, parameterValuesOf } from './values.ts'
import { DIALECT } from './wire.ts'

const LIMITS = { tools: 1024, session: 256, user: 512 } as const
const ROLES = ['user', 'assistant', 'system', 'developer'] as const
const FINITE = [
  'temperature',
  'top_p',
  'top_k',
  'frequency_penalty',
  'presence_penalty',
  'top_logprobs',
] as const
const MAX = Number.MAX_SAFE_INTEGER

/** Fields that would need something kept between requests. */
const STATEFUL = {
  previous_response_id: 'send the whole conversation in `input` instead',
  conversation: 'send the whole conversation in `input` instead',
  prompt: 'send `instructions` and `input` instead of a stored prompt',
} as const

/**
 * Checks a Responses body and reads what routing, pricing and limits need, in one walk over the prompt; messages and
 * tools are decoded when asked for. The surface is stateless, as OpenRouter's is: what would need a stored response is
 * refused, as is everything malformed, with GatewayError `invalid_request` and the place in `metadata.param`.
 */
export function decodeRequest(body: unknown, _target: RequestTarget): ChatRequest {
  if (!isObject(body)) throw new GatewayError('invalid_request', 'The body must be a JSON object.')
  checkStateless(body)
  const measure = emptyMeasure()
  checkInput(body['input'], measure)
  const instructions = optional.string(body, 'instructions', MAX) ?? null
  if (instructions !== null) measure.bytes += weigh(instructions)
  const wireTools = checkTools(body, measure)
  const format = object(object(optional.object(body, 'text'))?.['format'])
  if (format !== null) measure.bytes += weigh(format)
  for (const field of FINITE) optional.number(body, field)
  checkMetadata(body)
  optional.boolean(body, 'parallel_tool_calls')
  optional.strings(body, 'include', 32)
  let messages: readonly ChatMessage[] | undefined
  let values: ChatParameters | undefined
  const tools: DecodedTools = decodeTools(wireTools)
  return {
    dialect: DIALECT,
    wire: body,
    models: decodeModels(body),
    stream: optional.boolean(body, 'stream') ?? false,
    parameters: parametersInUse(body, tools.tools.length),
    inputModalities: [...measure.modalities],
    outputModalities: decodeModalities(body),
    maxOutputTokens: optional.integer(body, 'max_output_tokens', 1, MAX) ?? null,
    choices: 1,
    promptBytes: measure.bytes,
    mediaParts: measure.media,
    provider: decodePreferences(body),
    reasoning: reasoningOf(body),
    sessionId:
      optional.string(body, 'session_id', LIMITS.session) ??
      optional.string(body, 'prompt_cache_key', LIMITS.session) ??
      null,
    user:
      optional.string(body, 'user', LIMITS.user) ??
      optional.string(body, 'safety_identifier', LIMITS.user) ??
      null,
    extras: extrasOf(
      body,
      wireTools.filter((tool) => text(tool['type'])?.startsWith('openrouter:')),
    ),
    parameterValues: () => (values ??= parameterValuesOf(body, tools.hosted)),
    messages: () => (messages ??= decodeInput(instructions, body['input'])),
    tools: () => tools.tools,
  }
}

function checkStateless(body: Json): void {
  if (optional.boolean(body, 'store')) {
    refuse('store', 'Responses are not stored here: leave `store` out or set it to false.')
  }
  if (optional.boolean(body, 'background')) {
    refuse('background', 'Responses are not stored here, so they cannot run in the background.')
  }
  for (const [field, instead] of Object.entries(STATEFUL)) {
    if (body[field] !== undefined && body[field] !== null) {
      refuse(field, `Responses are not stored here, so \`${field}\` points at nothing: ${instead}.`)
    }
  }
}

function checkInput(input: unknown, measure: Measure): void {
  if (typeof input === 'string') {
    measure.bytes += weigh(input)
    return
  }
  if (!Array.isArray(input) || input.length === 0) {
    refuse('input', '`input` must be a string or a list with at least one item.')
  }
  let answerable = false
  for (const [i, item] of input.entries()) {
    const param = `input[${i}]`
    if (!isObject(item)) refuse(param, `\`${param}\` must be an object.`)
    checkItem(item, param)
    measureItem(item, measure)
    answerable ||= item['type'] !== 'item_reference'
  }
  if (!answerable) refuse('input', `\`input\` holds only references, but ${REFERENCE}.`)
}

function checkItem(item: Json, param: string): void {
  const type = item['type'] ?? 'message'
  if (typeof type !== 'string') refuse(`${param}.type`, `\`${param}.type\` must be a string.`)
  const needs = (...fields: string[]): void => {
    for (const field of fields) {
      if (text(item[field]) === null)
        refuse(`${param}.${field}`, `\`${param}.${field}\` must be a string that is not empty.`)
    }
  }
  if (type === 'message') {
    if (!(ROLES as readonly unknown[]).includes(item['role'])) {
      refuse(`${param}.role`, `\`${param}.role\` must be one of ${ROLES.join(', ')}.`)
    }
    const { content } = item
    const empty = item['role'] === 'assistant' && (content ?? null) === null
    const parts =
      Array.isArray(content) && content.every((part) => isObject(part) && text(part['type']) !== null)
    if (typeof content !== 'string' && !parts && !empty) {
      refuse(`${param}.content`, `\`${param}.content\` must be a string or a list of parts with a \`type\`.`)
    }
  } else if (type === 'function_call' || type === 'custom_tool_call') needs('call_id', 'name')
  else if (type === 'function_call_output' || type === 'custom_tool_call_output') needs('call_id')
}

const MEDIA = {
  input_image: { modality: 'image', fields: ['image_url', 'file_id'] },
  image_url: { modality: 'image', fields: ['image_url'] },
  input_file: { modality: 'file', fields: ['file_data', 'file_url', 'file_id'] },
  input_audio: { modality: 'audio', fields: ['input_audio'] },
  input_video: { modality: 'video', fields: ['video_url'] },
} as const

/** An item's text in UTF-8 bytes, keys included (they stand for the template around it); media are counted. */
function measureItem(item: Json, into: Measure): void {
  for (const key in item) {
    const value = item[key]
    const parts = (key === 'content' || key === 'output') && Array.isArray(value) ? value : null
    if (parts === null) into.bytes += key.length + weigh(value)
    else for (const part of parts) measurePart(part, into)
  }
}

function measurePart(part: unknown, into: Measure): void {
  const wire = object(part)
  const media = MEDIA[(text(wire?.['type']) ?? '') as keyof typeof MEDIA]
  if (wire === null || media === undefined) {
    into.bytes += weigh(part)
    return
  }
  into.media++
  into.modalities.add(media.modality)
  for (const key in wire) {
    if (!(media.fields as readonly string[]).includes(key)) into.bytes += weigh(wire[key])
  }
}

function checkTools(body: Json, measure: Measure): readonly Json[] {
  const tools = body['tools'] ?? []
  if (!Array.isArray(tools) || !tools.every(isObject))
    return refuse('tools', '`tools` must be a list of tools.')
  if (tools.length > LIMITS.tools) refuse('tools', `\`tools\` has more than ${LIMITS.tools} entries.`)
  for (const [i, tool] of tools.entries()) {
    const type = text(tool['type'])
    if (type === null)
      refuse(`tools[${i}].type`, `\`tools[${i}].type\` must be "function" or another kind of tool.`)
    if ((type === 'function' || type === 'custom' || type === 'namespace') && text(tool['name']) === null) {
      refuse(`tools[${i}].name`, `\`tools[${i}].name\` must be a string.`)
    }
    measure.bytes += weigh(tool)
  }
  return tools
}

function decodeModalities(body: Json): readonly string[] {
  const modalities = optional.strings(body, 'modalities', 2) ?? []
  if (modalities.some((name) => name !== 'text' && name !== 'image')) {
    refuse('modalities', '`modalities` may hold "text" and "image" here.')
  }
  return modalities.length === 0 ? ['text'] : modalities
}

/** `reasoning` as one wish; `{}` and members that are all null wish for nothing. */
function reasoningOf(body: Json): ReasoningRequest | null {
  const wish = decodeReasoning({ reasoning: body['reasoning'] })
  return wish === null || Object.keys(wish).length === 0 ? null : wish
}
