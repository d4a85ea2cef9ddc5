import { isObject, type Json, list, object, text, without } from './json.ts'

/** A request without the tools that its provider would run and bill by the call. */
export interface WithoutHosted {
  /** The very same value when nothing was taken out. */
  readonly body: unknown
  /** Names of what was taken out, as `dropped` tells them, e.g. `tools.web_search`. */
  readonly taken: readonly string[]
  /** The request makes no sense without: no other tool is left, or one that is gone has to be called. */
  readonly essential: boolean
}

/**
 * Takes out of a request body what makes a provider search, run code or draw at a price of its own, which no tariff
 * knows. Tools that the client runs stay, as do those that cost nothing but their tokens; a kind of tool that is not
 * known here goes: an unknown price is not zero.
 * Source: price lists of OpenAI, Anthropic, Google, xAI, Moonshot and Alibaba (2026-11).
 * @param dialect id of the client's format
 * @param body as parsed, not yet checked; never changed
 */
export function withoutHosted(dialect: string, body: unknown): WithoutHosted {
  const take = TAKERS[dialect]
  if (take === undefined || !isObject(body)) return { body, taken: [], essential: false }
  const taken = new Set<string>()
  const { left, forced } = take(body, taken)
  if (taken.size === 0) return { body, taken: [], essential: false }
  const gone = [...taken].some((name) => name.startsWith('tools.'))
  const essential = forced || (gone && list(left['tools']).length === 0)
  return { body: left, taken: [...taken], essential }
}

/**
 * A field that the provider bills above its list price and that may not just be left out, since it says where prompts may
 * go; null when there is none. Source: Anthropic's prices by `inference_geo` (2026-11).
 */
export function dearerWish(dialect: string, body: unknown): string | null {
  if (dialect !== 'anthropic-messages') return null
  const place = object(body)?.['inference_geo'] ?? null
  return place === null || place === 'global' ? null : 'inference_geo'
}

/** Notes what it takes; `forced`: a tool that is gone has to be called. */
type Taker = (body: Json, taken: Set<string>) => { readonly left: Json; readonly forced: boolean }

const TAKERS: Readonly<Record<string, Taker>> = {
  'anthropic-messages': fromMessages,
  'openai-responses': fromResponses,
  gemini: fromGemini,
  'openai-chat': fromChat,
  'openai-completions': fromChat,
}

/** Anthropic's tools by the beginning of their type: run by the client, or billed by tokens alone. */
const MESSAGES_STAY =
  /^(custom$|(bash|text_editor|computer|memory|web_fetch)_\d|tool_search_tool_|mcp_toolset$)/

function fromMessages(body: Json, taken: Set<string>): ReturnType<Taker> {
  const gone: Json[] = []
  const tools = list(body['tools']).filter((item) => {
    const tool = object(item)
    const type = text(tool?.['type'])
    if (tool === null || type === null || MESSAGES_STAY.test(type)) return true
    gone.push(tool)
    taken.add(`tools.${type}`)
    return false
  })
  const left = withTools(body, tools)
  // A container is where code runs.
  const runsCode = gone.some(({ type }) => String(type).startsWith('code_execution'))
  if (runsCode && left['container'] !== undefined) drop(left, 'container', taken)
  // The provider's own choice of another model, at that model's price.
  if (left['fallbacks'] === 'default') drop(left, 'fallbacks', taken)
  const named = object(left['tool_choice'])?.['name']
  return { left, forced: named !== undefined && gone.some(({ name }) => name === named) }
}

const RESPONSES_STAY: ReadonlySet<string> = new Set([
  'function',
  'custom',
  'mcp',
  'computer',
  'computer_use_preview',
  'local_shell',
  'apply_patch',
  'tool_search',
])

function fromResponses(body: Json, taken: Set<string>): ReturnType<Taker> {
  const gone = new Set<string>()
  const kept = (items: unknown): unknown[] =>
    list(items).flatMap((item) => {
      const tool = object(item)
      const type = text(tool?.['type'])
      if (tool === null || type === null || type.startsWith('openrouter:')) return [item]
      if (type === 'namespace') return [{ ...tool, tools: kept(tool['tools']) }]
      const local = type === 'shell' && (object(tool['environment'])?.['type'] ?? 'local') === 'local'
      if (local || RESPONSES_STAY.has(type)) return [item]
      gone.add(type)
      taken.add(`tools.${type}`)
      return []
    })
  const left = withTools(body, kept(body['tools']))
  return { left, forced: gone.has(text(object(left['tool_choice'])?.['type']) ?? '') }
}

const GEMINI_STAY: ReadonlySet<string> = new Set([
  'functionDeclarations',
  'codeExecution',
  'urlContext',
  'computerUse',
  'fileSearch',
])

/** Each member of an entry is a tool of its own here. */
function fromGemini(body: Json, taken: Set<string>): ReturnType<Taker> {
  const tools = list(body['tools']).flatMap((item) => {
    const entry = object(item)
    if (entry === null) return [item]
    const gone = Object.keys(entry).filter((name) => !GEMINI_STAY.has(camel(name)))
    for (const name of gone) taken.add(`tools.${camel(name)}`)
    const left = without(entry, new Set(gone))
    return Object.keys(left).length === 0 ? [] : [left]
  })
  return { left: withTools(body, tools), forced: false }
}

const camel = (name: string): string => name.replace(/_([a-z])/g, (_, letter: string) => letter.toUpperCase())

/** Fields that turn on a search, and the value that leaves it off. */
const CHAT_SEARCHES: Readonly<Record<string, (value: unknown) => boolean>> = {
  web_search_options: () => false,
  search_parameters: (value) => object(value)?.['mode'] === 'off',
  enable_search: (value) => value !== true,
  web_search: (value) => value !== true && object(value) === null,
  compound_custom: () => false,
}

function fromChat(body: Json, taken: Set<string>): ReturnType<Taker> {
  const tools = list(body['tools']).filter((item) => {
    const type = text(object(item)?.['type']) ?? 'function'
    // Server tools are refused by name; that answer says more.
    const stays = /^(function$|custom$|openrouter:|web_search)/.test(type)
    if (!stays) taken.add(`tools.${type}`)
    return stays
  })
  const left = withTools(body, tools)
  for (const [field, isOff] of Object.entries(CHAT_SEARCHES)) {
    const value = left[field] ?? null
    if (value !== null && !isOff(value)) drop(left, field, taken)
  }
  return { left, forced: false }
}

/** A copy with these tools; without the field when none is left. */
function withTools(body: Json, tools: readonly unknown[]): Json {
  const { tools: _tools, ...rest } = body
  return tools.length === 0 ? rest : { ...body, tools }
}

function drop(body: Json, field: string, taken: Set<string>): void {
  delete body[field]
  taken.add(field)
}
