import {
  type ChatMessage,
  type ChatParameters,
  type ChatRequest,
  GatewayError,
  type ToolDefinition,
} from '../../chat/index.ts'
import type { RequestTarget } from '../dialect.ts'
import { isObject, type Json, list, object, text } from '../json.ts'
import { optional, refuse } from './check.ts'
import { nestTools } from './flat-tools.ts'
import { emptyMeasure, type Measure, measureMessage, weigh } from './measure.ts'
import { decodeMessage, decodeTool } from './messages.ts'
import { parametersInUse } from './parameters.ts'
import { decodePreferences } from './preferences.ts'
import { decodeReasoning } from './reasoning.ts'
import { parameterValuesOf } from './values.ts'
import { DIALECT } from './wire.ts'

/** Bounds of what one request may name; sizes of texts are the edge's (body limit). */
const LIMITS = {
  models: 16,
  choices: 128,
  tools: 1024,
  session: 256,
  user: 512,
  name: 256,
  metadata: 16,
} as const
const ROLES = ['system', 'developer', 'user', 'assistant', 'tool'] as const
const MODALITIES = ['text', 'image', 'audio', 'video', 'file'] as const
const FINITE = [
  'temperature',
  'top_p',
  'top_k',
  'top_a',
  'min_p',
  'frequency_penalty',
  'presence_penalty',
  'repetition_penalty',
  'seed',
] as const
const MAX = Number.MAX_SAFE_INTEGER

/**
 * Checks a Chat Completions body and reads what routing, pricing and limits need, in one walk over the prompt; messages
 * and tools are decoded when asked for. Throws GatewayError `invalid_request` with a sentence, the place in
 * `metadata.param`. Source of fields and limits: OpenRouter's OpenAPI (2026-08).
 */
export function decodeRequest(received: unknown, _target: RequestTarget): ChatRequest {
  if (!isObject(received)) throw new GatewayError('invalid_request', 'The body must be a JSON object.')
  const body = nestTools(received)
  const measure = emptyMeasure()
  const messages = checkMessages(body, measure)
  const tools = checkTools(body, measure)
  measure.bytes += weigh(body['response_format'] ?? '') + weigh(body['prediction'] ?? '')
  for (const field of FINITE) optional.number(body, field)
  checkStop(body)
  checkMetadata(body)
  const stream = optional.boolean(body, 'stream') ?? false
  optional.object(body, 'stream_options')
  const modalities = optional.strings(body, 'modalities', MODALITIES.length)
  if (modalities?.some((name) => !(MODALITIES as readonly string[]).includes(name))) {
    refuse('modalities', '`modalities` may hold "text", "image" and "audio".')
  }
  let decoded: readonly ChatMessage[] | undefined
  let values: ChatParameters | undefined
  let definitions: readonly ToolDefinition[] | undefined
  return {
    dialect: DIALECT,
    wire: body,
    models: decodeModels(body),
    stream,
    parameters: parametersInUse(body),
    inputModalities: [...measure.modalities],
    outputModalities: modalities === undefined || modalities.length === 0 ? ['text'] : modalities,
    maxOutputTokens: decodeLimit(body),
    choices: optional.integer(body, 'n', 1, LIMITS.choices) ?? 1,
    promptBytes: measure.bytes,
    mediaParts: measure.media,
    provider: decodePreferences(body),
    reasoning: decodeReasoning(body),
    sessionId:
      optional.string(body, 'session_id', LIMITS.session) ??
      optional.string(body, 'prompt_cache_key', LIMITS.session) ??
      null,
    user: optional.string(body, 'user', LIMITS.user) ?? null,
    extras: extrasOf(body, tools),
    parameterValues: () => (values ??= parameterValuesOf(body)),
    messages: () => (decoded ??= messages.map(decodeMessage)),
    tools: () => (definitions ??= tools.flatMap(decodeTool)),
  }
}

/** The models to try, in order: `model` first, then `models`. Throws `invalid_request` when none is named. */
export function decodeModels(body: Json): readonly string[] {
  const model = optional.string(body, 'model', LIMITS.name)
  const others = optional.strings(body, 'models', LIMITS.models) ?? []
  const models = [...new Set(model === undefined ? others : [model, ...others])].filter((name) => name !== '')
  if (models.length === 0) {
    refuse(
      'model',
      'No model is named: put one in `model`, for example "openai/gpt-4o-mini" (GET /models lists them).',
    )
  }
  return models
}

/** `max_tokens` and its newer spelling; two different figures are a contradiction. */
function decodeLimit(body: Json): number | null {
  const older = optional.integer(body, 'max_tokens', 1, MAX)
  const newer = optional.integer(body, 'max_completion_tokens', 1, MAX)
  if (older !== undefined && newer !== undefined && older !== newer) {
    refuse('max_tokens', '`max_tokens` and `max_completion_tokens` differ: give only one of them.')
  }
  return newer ?? older ?? null
}

function checkMessages(body: Json, measure: Measure): readonly Json[] {
  const { messages, input } = body
  if (messages === undefined && input !== undefined)
    refuse('messages', 'This is a body of the Responses API: send it to POST /api/v1/responses.')
  if (!Array.isArray(messages) || messages.length === 0) {
    return refuse('messages', '`messages` must be a list with at least one message.')
  }
  for (let i = 0; i < messages.length; i++) {
    checkMessage(messages[i], i)
    measureMessage(messages[i], measure)
  }
  return messages
}

function checkMessage(message: unknown, i: number): void {
  const param = `messages[${i}]`
  if (!isObject(message)) refuse(param, `\`${param}\` must be an object with \`role\` and \`content\`.`)
  if (!(ROLES as readonly unknown[]).includes(message['role'])) {
    refuse(`${param}.role`, `\`${param}.role\` must be one of ${ROLES.join(', ')}.`)
  }
  const content = message['content']
  if (Array.isArray(content)) {
    const wrong = content.findIndex((part) => !isObject(part) || text(part['type']) === null)
    if (wrong >= 0) {
      refuse(
        `${param}.content[${wrong}]`,
        `\`${param}.content[${wrong}]\` must be an object with a \`type\`.`,
      )
    }
  } else if (
    typeof content !== 'string' &&
    !(message['role'] === 'assistant' && (content ?? null) === null)
  ) {
    refuse(`${param}.content`, `\`${param}.content\` must be a string or a list of content parts.`)
  }
  const calls = message['tool_calls']
  if (calls !== undefined && calls !== null && !(Array.isArray(calls) && calls.every(isObject))) {
    refuse(`${param}.tool_calls`, `\`${param}.tool_calls\` must be a list of tool calls.`)
  }
  if (message['role'] === 'tool' && text(message['tool_call_id']) === null) {
    refuse(
      `${param}.tool_call_id`,
      `\`${param}.tool_call_id\` must name the tool call that this message answers.`,
    )
  }
}

function checkTools(body: Json, measure: Measure): readonly Json[] {
  const tools = body['tools'] ?? []
  if (!Array.isArray(tools) || !tools.every(isObject))
    return refuse('tools', '`tools` must be a list of tools.')
  if (tools.length > LIMITS.tools) refuse('tools', `\`tools\` has more than ${LIMITS.tools} entries.`)
  for (const [i, tool] of tools.entries()) {
    const fn = object(tool['function'])
    if (text(tool['type']) === null && fn === null) {
      refuse(`tools[${i}].type`, `\`tools[${i}].type\` must be "function" or another kind of tool.`)
    }
    if ((tool['type'] === 'function' || fn !== null) && text(fn?.['name']) === null) {
      refuse(`tools[${i}].function.name`, `\`tools[${i}].function.name\` must be a string.`)
    }
    measure.bytes += weigh(tool)
  }
  return tools
}

function checkStop(body: Json): void {
  if (typeof body['stop'] !== 'string') optional.strings(body, 'stop', 64)
}

/** At most 16 pairs of text, keys to 64 and values to 512 characters. */
export function checkMetadata(body: Json): void {
  const metadata = optional.object(body, 'metadata')
  if (metadata === undefined) return
  const pairs = Object.entries(metadata)
  if (pairs.length > LIMITS.metadata)
    refuse('metadata', `\`metadata\` has more than ${LIMITS.metadata} pairs.`)
  for (const [key, value] of pairs) {
    if (key.length > 64) refuse('metadata', 'A key of `metadata` is longer than 64 characters.')
    if (typeof value !== 'string' || value.length > 512) {
      refuse(`metadata.${key}`, `\`metadata.${key}\` must be a string of at most 512 characters.`)
    }
  }
}

/** `ChatRequest.extras` of a body and its tools. */
export function extrasOf(body: Json, tools: readonly Json[]): string[] {
  const extras: string[] = []
  if (body['plugins'] !== undefined && body['plugins'] !== null && !Array.isArray(body['plugins'])) {
    refuse('plugins', '`plugins` must be a list of plugins.')
  }
  for (const [i, plugin] of list(body['plugins']).entries()) {
    const id = text(object(plugin)?.['id'])
    if (id === null) return refuse(`plugins[${i}].id`, `\`plugins[${i}]\` must be an object with an \`id\`.`)
    if (object(plugin)?.['enabled'] !== false) extras.push(`plugin:${id}`)
  }
  for (const tool of tools) {
    const type = text(tool['type']) ?? 'function'
    if (type.startsWith('openrouter:') || type.startsWith('web_search')) extras.push(`server-tool:${type}`)
  }
  if (optional.string(body, 'preset', LIMITS.name) !== undefined) extras.push('preset')
  if (list(body['transforms']).length > 0) extras.push('transforms')
  if (
    optional.boolean(optional.object(body, 'debug') ?? {}, 'echo_upstream_body', 'debug.echo_upstream_body')
  ) {
    extras.push('debug')
  }
  return extras
}
