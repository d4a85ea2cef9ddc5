import {
  type ChatMessage,
  type ChatParameters,
  type ChatRequest,
  GatewayError,
  type ToolDefinition,
} from '../../chat/index.ts'
import type { RequestTarget } from '../dialect.ts'
import { isObject, type Json, list, object } from '../json.ts'
import { optional, refuse } from '../openai-chat/check.ts'
import { decodePreferences } from '../openai-chat/preferences.ts'
import { contentsOf, decodeConversation } from './decode-contents.ts'
import { measure } from './measure.ts'
import { decodeThinking } from './thinking.ts'
import { configOf, decodeTools, parametersInUse, valuesOf } from './values.ts'
import { DIALECT, field } from './wire.ts'

/** Bounds of what one request may name; sizes of texts are the edge's (body limit). */
const LIMITS = { models: 16, tools: 1024, session: 256, user: 512, name: 256, candidates: 128 } as const
const MAX = Number.MAX_SAFE_INTEGER
const FINITE = [
  'temperature',
  'topP',
  'topK',
  'seed',
  'frequencyPenalty',
  'presencePenalty',
  'logprobs',
] as const
const MODALITIES: readonly string[] = ['text', 'image', 'audio', 'video']
const VERB = /\/models\/(.+):(generateContent|streamGenerateContent|countTokens)$/

/** What the path of a call says: `/v1beta/models/google/gemini-3-pro:streamGenerateContent`. */
export interface Call {
  /** With slashes and variant, e.g. `google/gemini-3-pro`. */
  readonly model: string
  readonly verb: 'generateContent' | 'streamGenerateContent' | 'countTokens'
}

/** Reads model and verb from a path, escaped or not, below any prefix; null when it is no such call. */
export function parsePath(path: string): Call | null {
  let plain = path
  try {
    plain = decodeURIComponent(path)
  } catch {
    // A stray per cent sign: the path is taken as it stands.
  }
  const match = VERB.exec(plain)
  if (match === null) return null
  // Names come as `models/…` too, which SDKs put behind their own `models/`.
  return { model: match[1]!.replace(/^(models\/)+/, ''), verb: match[2] as Call['verb'] }
}

/**
 * Checks a generateContent body (or one of countTokens, where the request may stand inside) and reads what routing,
 * pricing and limits need; model and streaming are in the path. Names are taken in JSON's and in the protocol buffer's
 * spelling. Throws GatewayError `invalid_request`, the place in `metadata.param`.
 */
export function decodeRequest(received: unknown, target: RequestTarget): ChatRequest {
  if (!isObject(received)) throw new GatewayError('invalid_request', 'The body must be a JSON object.')
  const call = parsePath(target.path)
  if (call === null)
    throw new GatewayError('not_found', 'The path names no model and verb of the Gemini API.')
  const inner = object(field(received, 'generateContentRequest'))
  const body = call.verb === 'countTokens' && inner !== null ? inner : received
  const config = checkConfig(body)
  checkContents(body)
  checkTools(body)
  const measured = measure(body)
  const modalities = list(field(config, 'responseModalities')).map((name) => String(name).toLowerCase())
  let decoded: readonly ChatMessage[] | undefined
  let definitions: readonly ToolDefinition[] | undefined
  let values: ChatParameters | undefined
  return {
    dialect: DIALECT,
    wire: body,
    models: modelsOf(call.model, body),
    stream: call.verb === 'streamGenerateContent',
    parameters: parametersInUse(body),
    inputModalities: [...measured.modalities],
    outputModalities: modalities.length === 0 ? ['text'] : modalities,
    maxOutputTokens: integer(config, 'maxOutputTokens', 1, MAX) ?? null,
    choices: integer(config, 'candidateCount', 1, LIMITS.candidates) ?? 1,
    promptBytes: measured.bytes,
    mediaParts: measured.media,
    provider: decodePreferences(body),
    reasoning: decodeThinking(object(field(config, 'thinkingConfig'))),
    sessionId: optional.string(body, 'session_id', LIMITS.session) ?? sessionOf(target),
    user: optional.string(body, 'user', LIMITS.user) ?? null,
    extras: extrasOf(body),
    parameterValues: () => (values ??= valuesOf(body)),
    messages: () => (decoded ??= decodeConversation(body)),
    tools: () => (definitions ??= decodeTools(body)),
  }
}

function sessionOf({ headers }: RequestTarget): string | null {
  const named = headers?.('x-session-id')
  return named === undefined || named === '' ? null : named.slice(0, LIMITS.session)
}

function modelsOf(model: string, body: Json): readonly string[] {
  if (model.length > LIMITS.name)
    refuse('model', `The model's name is longer than ${LIMITS.name} characters.`)
  const others = optional.strings(body, 'models', LIMITS.models) ?? []
  return [...new Set([model, ...others])].filter((name) => name !== '')
}

/** A whole number in either spelling of its name. */
function integer(config: Json, name: string, min: number, max: number): number | undefined {
  return optional.integer({ [name]: field(config, name) }, name, min, max, `generationConfig.${name}`)
}

function checkConfig(body: Json): Json {
  const raw = field(body, 'generationConfig')
  if (raw !== undefined && !isObject(raw)) refuse('generationConfig', '`generationConfig` must be an object.')
  const config = configOf(body)
  for (const name of FINITE) {
    optional.number({ [name]: field(config, name) }, name, `generationConfig.${name}`)
  }
  const stops = { stopSequences: field(config, 'stopSequences') }
  optional.strings(stops, 'stopSequences', 64, 'generationConfig.stopSequences')
  const modalities = { responseModalities: field(config, 'responseModalities') }
  const place = 'generationConfig.responseModalities'
  const named = optional.strings(modalities, 'responseModalities', MODALITIES.length, place)
  if (named?.some((name) => !MODALITIES.includes(name.toLowerCase()))) {
    refuse(place, `\`${place}\` may hold "TEXT", "IMAGE" and "AUDIO".`)
  }
  return config
}

function checkContents(body: Json): void {
  const contents = field(body, 'contents')
  if (!isObject(contents) && !(Array.isArray(contents) && contents.length > 0 && contents.every(isObject))) {
    refuse(
      'contents',
      '`contents` must be a list with at least one turn: {"role": "user", "parts": [{"text": "…"}]}.',
    )
  }
  for (const [i, { role, parts }] of contentsOf(body).entries()) {
    if (role !== undefined && role !== 'user' && role !== 'model' && role !== 'function') {
      refuse(`contents[${i}].role`, `\`contents[${i}].role\` must be "user" or "model".`)
    }
    const known = Array.isArray(parts) ? parts.every(isObject) : parts === undefined || isObject(parts)
    if (!known) refuse(`contents[${i}].parts`, `\`contents[${i}].parts\` must be a list of parts.`)
  }
}

function checkTools(body: Json): void {
  const tools = body['tools'] ?? []
  if (!Array.isArray(tools) || !tools.every(isObject)) {
    refuse('tools', '`tools` must be a list of tools.')
    return
  }
  const declared = tools.reduce((sum, tool) => sum + list(field(tool, 'functionDeclarations')).length, 0)
  if (declared > LIMITS.tools) refuse('tools', `\`tools\` declares more than ${LIMITS.tools} functions.`)
}

/** Extras of the gateway, as every surface takes them beside its own fields. */
function extrasOf(body: Json): string[] {
  const extras: string[] = []
  const plugins = body['plugins']
  if (plugins !== undefined && plugins !== null && !Array.isArray(plugins)) {
    refuse('plugins', '`plugins` must be a list of plugins.')
  }
  for (const plugin of list(plugins)) {
    const id = object(plugin)?.['id']
    if (typeof id !== 'string' || id === '') return refuse('plugins', 'Each of `plugins` must have an `id`.')
    if (object(plugin)?.['enabled'] !== false) extras.push(`plugin:${id}`)
  }
  if (optional.string(body, 'preset', LIMITS.name) !== undefined) extras.push('preset')
  return extras
}
