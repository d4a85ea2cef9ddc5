import type { ChatRequest } from '../chat/index.ts'
import { dialect, type WireTarget } from '../dialects/index.ts'
import type { PresetContent } from '../identity/index.ts'

export type Json = Readonly<Record<string, unknown>>

/** Fields that mean the same in every client format, since they are OpenRouter's own. */
const EVERYWHERE = ['provider', 'plugins', 'cache_control']
/** Never a preset's: what is said, how the answer travels, and who asks. */
const NEVER = [
  'messages',
  'input',
  'prompt',
  'stream',
  'stream_options',
  'preset',
  'model',
  'models',
  'user',
  'session_id',
  'trace',
  'metadata',
  'prompt_cache_key',
  'safety_identifier',
]
/** What formats take that answer no conversation. */
const FEW: Readonly<Record<string, readonly string[]>> = {
  'openai-embeddings': ['provider', 'dimensions', 'encoding_format', 'input_type'],
  'openai-compaction': EVERYWHERE,
  'openai-completions': [
    ...EVERYWHERE,
    'max_tokens',
    'temperature',
    'top_p',
    'top_k',
    'min_p',
    'frequency_penalty',
    'presence_penalty',
    'repetition_penalty',
    'seed',
    'stop',
    'logit_bias',
    'transforms',
    'response_format',
  ],
}

const translated = new WeakMap<PresetContent, Map<string, Json>>()

/** A preset's settings as fields of a client format; made once for each. */
export function nativeFields(dialectId: string, content: PresetContent): Json {
  const known = translated.get(content) ?? new Map<string, Json>()
  translated.set(content, known)
  let fields = known.get(dialectId)
  if (fields === undefined) {
    fields = translate(dialectId, content)
    known.set(dialectId, fields)
  }
  return fields
}

function translate(dialectId: string, { config, systemPrompt }: PresetContent): Json {
  const settings = without(config, NEVER)
  const few = FEW[dialectId]
  if (few !== undefined) return only(settings, few)
  if (dialectId === 'openai-chat' || dialect(dialectId) === null) return settings
  const plain = encoded(dialectId, {}, null)
  const set = encoded(dialectId, without(settings, EVERYWHERE), systemPrompt)
  const changed = Object.entries(set).filter(
    ([key, value]) => JSON.stringify(value) !== JSON.stringify(plain[key]),
  )
  const alike = dialectId === 'gemini' ? EVERYWHERE : [...EVERYWHERE, ...SPELLED_ALIKE]
  // Responses carries a system prompt in its input; as a setting it has a field.
  const instructions = dialectId === 'openai-responses' &&
    systemPrompt !== null && { instructions: systemPrompt }
  return { ...Object.fromEntries(changed), ...only(settings, alike), ...instructions }
}

/** A model of the format's maker that takes every setting, so that none is lost on the way. */
const TAKES_ALL: Readonly<Record<string, string>> = {
  'anthropic-messages': 'claude-opus-4-6',
  'openai-responses': 'gpt-5.1',
  gemini: 'gemini-3-flash',
}
/** Fields that a format spells as Chat Completions does; its encoder may leave one out to suit a model. */
const SPELLED_ALIKE = ['temperature', 'top_p', 'top_k']

/** A Chat Completions request of these settings in another format, without what is said in it. */
function encoded(dialectId: string, settings: Json, systemPrompt: string | null): Json {
  const system = systemPrompt === null ? [] : [{ role: 'system', content: systemPrompt }]
  const chat = readSettings({ ...settings, messages: [...system, { role: 'user', content: '-' }] })
  const target: WireTarget = {
    upstreamId: TAKES_ALL[dialectId] ?? 'any',
    maxOutput: null,
    quirks: {},
    supportedParameters: null,
  }
  const body = dialect(dialectId)!.encodeRequest(chat, target).body as Json
  return without(body, ['messages', 'contents', 'input', 'model', 'stream', 'store', 'include'])
}

/** Reads settings as a Chat Completions request would be; throws what it would throw. */
export function readSettings(settings: Json): ChatRequest {
  const messages = settings['messages'] ?? [{ role: 'user', content: '-' }]
  const body = { model: 'any/model', ...settings, messages }
  return dialect('openai-chat')!.decodeRequest(body, { path: '/chat/completions', query: '' })
}

/**
 * What a preset keeps of a request in a client's format: its settings as of Chat Completions, its models and its system
 * prompt. What is said and how the answer travels is left out. Throws GatewayError `invalid_request` as the request would.
 */
export function contentOf(dialectId: string, body: Json): PresetContent {
  const said = dialectId === 'openai-responses' ? 'input' : 'messages'
  const silent = { role: 'user', content: '-' }
  const asked = { ...body, [said]: [...systemOf(body[said]), silent] }
  const chat = dialect(dialectId)!.decodeRequest({ model: 'any/model', ...asked }, { path: '', query: '' })
  const prompts = chat
    .messages()
    .filter(isSystem)
    .flatMap(({ content }) => content)
  const systemPrompt = prompts
    .map((part) => (part.kind === 'text' ? part.text : ''))
    .join('\n')
    .trim()
  const settings =
    dialectId === 'openai-chat'
      ? body
      : (dialect('openai-chat')!.encodeRequest(chat, {
          upstreamId: 'any',
          maxOutput: null,
          quirks: { reasoning: 'object', noStreamOptions: true },
          supportedParameters: null,
        }).body as Json)
  const models = chat.models.filter((name) => name !== 'any/model')
  return {
    systemPrompt: systemPrompt === '' ? null : systemPrompt,
    config: {
      ...(models.length > 0 && { model: models[0] }),
      ...(models.length > 1 && { models: models.slice(1) }),
      ...without(settings, NEVER),
      ...only(body, EVERYWHERE),
    },
  }
}

function systemOf(messages: unknown): unknown[] {
  return Array.isArray(messages) ? messages.filter(isSystem) : []
}

export function isSystem(message: unknown): boolean {
  const role = isObject(message) ? message['role'] : null
  return role === 'system' || role === 'developer'
}

export const isObject = (value: unknown): value is Json =>
  typeof value === 'object' && value !== null && !Array.isArray(value)

export function without(source: Json, names: readonly string[]): Json {
  return Object.fromEntries(Object.entries(source).filter(([key]) => !names.includes(key)))
}

function only(source: Json, names: readonly string[]): Json {
  return Object.fromEntries(Object.entries(source).filter(([key]) => names.includes(key)))
}
