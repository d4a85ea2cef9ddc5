import { GatewayError } from '../chat/index.ts'
import { parseGeminiPath, type RequestTarget } from '../dialects/index.ts'
import type { PresetContent } from '../identity/index.ts'
import { isObject, isSystem, type Json, nativeFields, without } from './preset-shape.ts'

/** What a request is read from. */
export interface Incoming {
  readonly body: unknown
  readonly target: RequestTarget
}

/** Where presets come from. */
export interface Presets {
  /** Those of a slug that the caller may use; throws GatewayError `not_found` otherwise. */
  preset(slug: string): PresetContent
  /** Whether a model's name asks it to reason though no model of the catalog is called so. */
  thinks(model: string): boolean
}

const MARK = '@preset/'

/** What `:thinking` adds to a request. */
const THINKING: PresetContent = { systemPrompt: null, config: { reasoning: { enabled: true } } }

/**
 * The request with its preset taken in, and with reasoning on for `:thinking`. A preset is named by the model
 * (`@preset/slug`, or `author/name@preset/slug` for its settings with another model) or by the field `preset`. Fields
 * of the request win over those of the preset, whole; tools of both are offered, each name once; the preset's system
 * prompt is used where the request has none. A request that names models keeps to them.
 * @param dialectId the client's format: settings are stored as of Chat Completions and translated here
 */
export function withPreset(dialectId: string, incoming: Incoming, presets: Presets): Incoming {
  const { body } = incoming
  if (typeof body !== 'object' || body === null || Array.isArray(body)) return incoming
  const wire = body as Json
  const named = modelOf(dialectId, incoming)
  const [model, slug] = taken(named, wire['preset'])
  if (slug === null && !(model?.includes(':thinking') === true && presets.thinks(model))) return incoming
  let merged = wire
  let models: Json = {}
  if (slug !== null) {
    const content = presets.preset(slug)
    const { preset: _, model: __, ...rest } = wire
    const own = model ?? (named?.startsWith(MARK) ? null : named)
    models = modelsOf(own, rest, content, slug)
    merged = merge(dialectId, { ...rest, ...models }, content)
  }
  const first = model ?? (models['model'] as string | undefined) ?? null
  if (first?.includes(':thinking') === true && presets.thinks(first))
    merged = merge(dialectId, merged, THINKING)
  if (dialectId !== 'gemini') return { ...incoming, body: merged }
  return { body: without(merged, ['model']), target: namedBy(incoming.target, named, first) }
}

/** The model that a request names: in the body, for Google's format in the path. */
function modelOf(dialectId: string, { body, target }: Incoming): string | null {
  if (dialectId === 'gemini') return parseGeminiPath(target.path)?.model ?? null
  const { model } = body as Json
  return typeof model === 'string' ? model : null
}

/** Model and preset of a name and of the field `preset`; null where there is none. */
function taken(named: string | null, field: unknown): [model: string | null, slug: string | null] {
  const at = named === null ? -1 : named.indexOf(MARK)
  if (at >= 0) return [at === 0 ? null : named!.slice(0, at), named!.slice(at + MARK.length)]
  return [named, typeof field === 'string' && field !== '' ? field : null]
}

/** The models to try: those of the request, if it names any, else those of the preset. */
function modelsOf(own: string | null, rest: Json, { config }: PresetContent, slug: string): Json {
  if (own !== null) return { model: own }
  if (Array.isArray(rest['models']) && rest['models'].length > 0) return {}
  const { model, models } = config
  if (typeof model !== 'string' && !(Array.isArray(models) && models.length > 0)) {
    throw new GatewayError(
      'invalid_request',
      `The preset "${slug}" names no model. Name one in the request: "author/name${MARK}${slug}".`,
      { metadata: { param: 'model' } },
    )
  }
  return { ...(typeof model === 'string' && { model }), ...(Array.isArray(models) && { models }) }
}

/** Google's path with the model that was meant. */
function namedBy(target: RequestTarget, named: string | null, model: string | null): RequestTarget {
  if (named === null || model === null || named === model) return target
  const verb = target.path.slice(target.path.lastIndexOf(':'))
  return { ...target, path: `/models/${model}${verb}` }
}

/** Fields of which the request may give a part: its parts win, the others are added. */
const IN_PARTS = ['generationConfig', 'toolConfig', 'text', 'output_config']
function merge(dialectId: string, wire: Json, content: PresetContent): Json {
  const merged: Record<string, unknown> = { ...wire }
  for (const [key, value] of Object.entries(nativeFields(dialectId, content))) {
    const given = wire[key] ?? wire[snakeCase(key)]
    if (given === undefined || given === null) merged[key] = value
    else if (key === 'tools') merged[key] = union(given, value)
    else if (IN_PARTS.includes(key) && isObject(given) && isObject(value))
      merged[key] = { ...value, ...given }
  }
  if (dialectId === 'openai-chat' && content.systemPrompt !== null) {
    const messages = Array.isArray(wire['messages']) ? (wire['messages'] as readonly unknown[]) : []
    if (!messages.some(isSystem))
      merged['messages'] = [{ role: 'system', content: content.systemPrompt }, ...messages]
  }
  return merged
}

function union(given: unknown, added: unknown): unknown {
  if (!Array.isArray(given) || !Array.isArray(added)) return given
  const names = new Set(given.map(toolName))
  return [...given, ...added.filter((tool) => !names.has(toolName(tool)))]
}

/** What tells one tool from another: the name of a function, else its kind, else all of it. */
function toolName(tool: unknown): string {
  const {
    function: fn,
    name,
    type,
  } = (isObject(tool) ? tool : {}) as {
    function?: { name?: unknown }
    name?: unknown
    type?: unknown
  }
  const told = fn?.name ?? name ?? (type === 'function' ? undefined : type)
  return typeof told === 'string' ? told : JSON.stringify(tool)
}

const snakeCase = (name: string): string => name.replace(/[A-Z]/g, (letter) => `_${letter.toLowerCase()}`)
