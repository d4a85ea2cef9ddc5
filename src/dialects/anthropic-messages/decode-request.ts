import {
  type ChatMessage,
  type ChatParameters,
  type ChatRequest,
  GatewayError,
  type ToolDefinition,
} from '../../chat/index.ts'
import type { RequestTarget } from '../dialect.ts'
import { isObject, type Json, list, object, text } from '../json.ts'
import { optional, refuse } from '../openai-chat/check.ts'
import { decodePreferences } from '../openai-chat/preferences.ts'
import { decodeConversation } from './decode-messages.ts'
import { decodeReasoning, decodeTool, isFunction, parametersInUse, valuesOf } from './decode-parameters.ts'
import { measure } from './measure.ts'
import { DIALECT } from './wire.ts'

/** Bounds of what one request may name; sizes of texts are the edge's (body limit). */
const LIMITS = {
  models: 16,
  fallbacks: 3,
  tools: 1024,
  session: 256,
  user: 512,
  name: 256,
  betas: 64,
} as const
const MAX = Number.MAX_SAFE_INTEGER
const ROLES: readonly unknown[] = ['user', 'assistant', 'system']

/**
 * Checks a Messages body and reads what routing, pricing and limits need; messages, tools and parameters are decoded when
 * asked for. Throws GatewayError `invalid_request` with a sentence, the place in `metadata.param`. Source: Anthropic's
 * reference and OpenRouter's additions (models, fallbacks, provider, session_id, user).
 */
export function decodeRequest(body: unknown, target: RequestTarget): ChatRequest {
  if (!isObject(body)) throw new GatewayError('invalid_request', 'The body must be a JSON object.')
  const messages = checkMessages(body)
  const tools = checkTools(body)
  for (const field of ['temperature', 'top_p', 'top_k']) optional.number(body, field)
  optional.strings(body, 'stop_sequences', 64)
  const measured = measure(body, messages)
  const metadata = optional.object(body, 'metadata')
  const header = target.headers ?? (() => undefined)
  let decoded: readonly ChatMessage[] | undefined
  let definitions: readonly ToolDefinition[] | undefined
  let values: ChatParameters | undefined
  return {
    dialect: DIALECT,
    wire: body,
    models: decodeModels(body),
    stream: optional.boolean(body, 'stream') ?? false,
    parameters: parametersInUse(body),
    inputModalities: [...measured.modalities],
    outputModalities: ['text'],
    maxOutputTokens: optional.integer(body, 'max_tokens', 1, MAX) ?? null,
    limitIsCeiling: true,
    choices: 1,
    promptBytes: measured.bytes,
    mediaParts: measured.media,
    provider: decodePreferences(body),
    reasoning: decodeReasoning(body),
    sessionId: optional.string(body, 'session_id', LIMITS.session) ?? sessionOf(header),
    user: optional.string(body, 'user', LIMITS.user) ?? text(metadata?.['user_id']),
    extras: extrasOf(body, tools),
    betas: betasOf(header),
    parameterValues: () => (values ??= valuesOf(body)),
    messages: () => (decoded ??= decodeConversation(body)),
    tools: () => (definitions ??= tools.flatMap(decodeTool)),
  }
}

function decodeModels(body: Json): readonly string[] {
  const model = optional.string(body, 'model', LIMITS.name)
  const fallbacks = fallbacksOf(body)
  const others = optional.strings(body, 'models', LIMITS.models) ?? []
  if (fallbacks.length > 0 && others.length > 0) {
    refuse('fallbacks', 'Give either `fallbacks` or `models`, not both.')
  }
  const named = [...(model === undefined ? [] : [model]), ...others, ...fallbacks]
  const models = [...new Set(named)].filter((name) => name !== '')
  if (models.length === 0) {
    refuse(
      'model',
      'No model is named: put one in `model`, for example "anthropic/claude-sonnet-5" (GET /models lists them).',
    )
  }
  return models
}

/** `fallbacks: [{model}]`: at most three entries of nothing but a model. Anthropic's own `"default"` stays its own. */
function fallbacksOf(body: Json): string[] {
  const { fallbacks } = body
  if (fallbacks === undefined || fallbacks === null || fallbacks === 'default') return []
  if (!Array.isArray(fallbacks) || fallbacks.length > LIMITS.fallbacks) {
    return refuse('fallbacks', `\`fallbacks\` must be a list of at most ${LIMITS.fallbacks} entries.`)
  }
  return fallbacks.map((entry, i) => {
    const model = text(object(entry)?.['model'])
    if (model === null || Object.keys(entry as Json).length > 1) {
      return refuse(`fallbacks[${i}]`, `\`fallbacks[${i}]\` must hold a \`model\` and nothing else.`)
    }
    return model
  })
}

function checkMessages(body: Json): readonly Json[] {
  const { system, messages } = body
  const isText = typeof system === 'string' || system === undefined || system === null
  if (!isText && !(Array.isArray(system) && system.every(isObject))) {
    refuse('system', '`system` must be a string or a list of text blocks.')
  }
  if (!Array.isArray(messages) || messages.length === 0) {
    return refuse('messages', '`messages` must be a list with at least one message.')
  }
  for (const [i, message] of messages.entries()) {
    const param = `messages[${i}]`
    if (!isObject(message))
      return refuse(param, `\`${param}\` must be an object with \`role\` and \`content\`.`)
    if (!ROLES.includes(message['role'])) {
      refuse(`${param}.role`, `\`${param}.role\` must be "user" or "assistant".`)
    }
    const { content } = message
    if (typeof content === 'string') continue
    if (!Array.isArray(content)) {
      return refuse(`${param}.content`, `\`${param}.content\` must be a string or a list of content blocks.`)
    }
    const wrong = content.findIndex((block) => !isObject(block) || text(block['type']) === null)
    if (wrong >= 0) {
      const place = `${param}.content[${wrong}]`
      refuse(place, `\`${place}\` must be an object with a \`type\`.`)
    }
  }
  return messages
}

function checkTools(body: Json): readonly Json[] {
  const tools = body['tools'] ?? []
  if (!Array.isArray(tools) || !tools.every(isObject)) {
    return refuse('tools', '`tools` must be a list of tools.')
  }
  if (tools.length > LIMITS.tools) refuse('tools', `\`tools\` has more than ${LIMITS.tools} entries.`)
  for (const [i, tool] of tools.entries()) {
    if (isFunction(tool) && text(tool['name']) === null) {
      refuse(`tools[${i}].name`, `\`tools[${i}].name\` must be a string.`)
    }
  }
  return tools
}

/** A conversation of a client that names it only in a header; the agents of this API do. */
function sessionOf(header: NonNullable<RequestTarget['headers']>): string | null {
  const named = header('x-session-id') ?? header('x-claude-code-session-id')
  return named === undefined || named === '' ? null : named.slice(0, LIMITS.session)
}

function betasOf(header: NonNullable<RequestTarget['headers']>): string[] {
  const names = (header('anthropic-beta') ?? '').split(',').map((name) => name.trim())
  return [...new Set(names)].filter((name) => /^[\w.-]{1,128}$/.test(name)).slice(0, LIMITS.betas)
}

function extrasOf(body: Json, tools: readonly Json[]): string[] {
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
    const type = text(tool['type'])
    if (type?.startsWith('openrouter:')) extras.push(`server-tool:${type}`)
  }
  if (optional.string(body, 'preset', LIMITS.name) !== undefined) extras.push('preset')
  return extras
}
