import type { ChatParameters, ResponseFormat, ToolChoice, ToolDefinition } from '../../chat/index.ts'
import { isObject, type Json, list, object, othersOf, text } from '../json.ts'
import { contentsOf } from './decode-contents.ts'
import { fromGoogleSchema } from './schema.ts'
import { field, jsonName } from './wire.ts'

type Plain<T> = { -readonly [K in keyof T]: T[K] }

/** Members of `generationConfig` that are the same in the hub but for their names. */
const SAME = {
  temperature: 'temperature',
  topP: 'topP',
  topK: 'topK',
  seed: 'seed',
  frequencyPenalty: 'frequencyPenalty',
  presencePenalty: 'presencePenalty',
  responseLogprobs: 'logprobs',
  logprobs: 'topLogprobs',
} as const satisfies Record<string, keyof ChatParameters>

/** Members that are read with more care, or that the request tells as members of its own. */
const ELSEWHERE: ReadonlySet<string> = new Set([
  'maxOutputTokens',
  'candidateCount',
  'stopSequences',
  'thinkingConfig',
  'responseMimeType',
  'responseSchema',
  'responseJsonSchema',
  'responseModalities',
  'imageConfig',
])

/** Members of the body that have words in the hub, or that are addressed to the gateway. */
const KNOWN: ReadonlySet<string> = new Set([
  'model',
  'contents',
  'systemInstruction',
  'tools',
  'toolConfig',
  'generationConfig',
  'labels',
  'serviceTier',
  'models',
  'provider',
  'plugins',
  'route',
  'transforms',
  'preset',
  'sessionId',
  'user',
  'trace',
  'debug',
  'usage',
  'stream',
])
const KNOWN_FUNCTION: ReadonlySet<string> = new Set([
  'name',
  'description',
  'parameters',
  'parametersJsonSchema',
])
const KNOWN_TOOL_CONFIG: ReadonlySet<string> = new Set(['functionCallingConfig'])
/** Of a part: which piece of a video, how closely media are looked at. */
const PART_WISHES = ['videoMetadata', 'mediaResolution'] as const

export const configOf = (body: Json): Json => object(field(body, 'generationConfig')) ?? {}

/** The parameters of a body in the hub's words. */
export function valuesOf(body: Json): ChatParameters {
  const config = configOf(body)
  const extra: Json = {}
  const native: Json = {}
  const same: Json = {}
  for (const [name, value] of Object.entries(config)) {
    const key = jsonName(name)
    if (value === null || value === undefined) continue
    if (key in SAME) same[SAME[key as keyof typeof SAME]] = value
    else if (!ELSEWHERE.has(key)) native[`generationConfig.${key}`] = value
  }
  const values: Plain<ChatParameters> = { ...same, extra, native }
  const stops = list(field(config, 'stopSequences')).filter((stop) => typeof stop === 'string')
  if (stops.length > 0) values.stop = stops
  const format = decodeFormat(config, native)
  if (format !== undefined) values.responseFormat = format
  const choice = decodeChoice(callingOf(body))
  if (choice !== undefined) values.toolChoice = choice
  const tier = text(field(body, 'serviceTier'))
    ?.toLowerCase()
    .replace(/^service_tier_/, '')
  if (tier !== undefined && tier !== 'unspecified')
    values.serviceTier = tier === 'standard' ? 'default' : tier
  const labels = object(body['labels'])
  if (labels !== null) values.metadata = labels as Record<string, string>
  const image = object(field(config, 'imageConfig'))
  if (image !== null) {
    const members = { aspect_ratio: field(image, 'aspectRatio'), image_size: field(image, 'imageSize') }
    extra['image_config'] = Object.fromEntries(
      Object.entries(members).filter(([, value]) => value !== undefined),
    )
  }
  addNative(body, native)
  return values
}

/** What of a body only this API knows. */
function addNative(body: Json, native: Json): void {
  Object.assign(native, othersOf(jsonNames(body), KNOWN))
  const toolConfig = othersOf(jsonNames(object(field(body, 'toolConfig')) ?? {}), KNOWN_TOOL_CONFIG)
  for (const [name, value] of Object.entries(toolConfig)) native[`toolConfig.${name}`] = value
  for (const hosted of hostedTools(body)) native[`tools.${hosted}`] = true
  for (const declaration of declarationsOf(body)) {
    for (const name in othersOf(jsonNames(declaration), KNOWN_FUNCTION)) native[`tools.${name}`] = true
  }
  for (const { parts } of contentsOf(body)) {
    for (const part of list(parts)) {
      for (const name of PART_WISHES)
        if (isObject(field(object(part), name))) native[`contents.${name}`] = true
    }
  }
}

const jsonNames = (source: Json): Json =>
  Object.fromEntries(Object.entries(source).map(([name, value]) => [jsonName(name), value]))

const callingOf = (body: Json): Json | null =>
  object(field(object(field(body, 'toolConfig')), 'functionCallingConfig'))

function decodeFormat(config: Json, native: Json): ResponseFormat | undefined {
  const type = text(field(config, 'responseMimeType'))
  if (type === null || type === 'text/plain') return undefined
  if (type !== 'application/json') {
    native['generationConfig.responseMimeType'] = type
    return undefined
  }
  const plain = field(config, 'responseJsonSchema')
  const google = field(config, 'responseSchema')
  if (isObject(plain)) return { kind: 'schema', schema: plain }
  return isObject(google) ? { kind: 'schema', schema: fromGoogleSchema(google) } : { kind: 'json' }
}

function decodeChoice(calling: Json | null): ToolChoice | undefined {
  const names = allowedNames(calling)
  switch (text(field(calling, 'mode'))?.toUpperCase()) {
    case 'ANY':
      return names.length === 1 ? { kind: 'tool', name: names[0]! } : { kind: 'required' }
    case 'NONE':
      return { kind: 'none' }
    case 'AUTO':
    case 'VALIDATED':
      return { kind: 'auto' }
    default:
      return undefined
  }
}

const allowedNames = (calling: Json | null): string[] =>
  list(field(calling, 'allowedFunctionNames')).filter((name) => typeof name === 'string')

/** The functions of a body; where only some may be called, only those. */
export function decodeTools(body: Json): ToolDefinition[] {
  const calling = callingOf(body)
  const allowed = allowedNames(calling)
  const restricted = field(calling, 'mode') !== 'NONE' && allowed.length > 0
  return declarationsOf(body).flatMap((declaration) => {
    const name = text(declaration['name'])
    if (name === null || (restricted && !allowed.includes(name))) return []
    const tool: Plain<ToolDefinition> = { name }
    if (typeof declaration['description'] === 'string') tool.description = declaration['description']
    const plain = field(declaration, 'parametersJsonSchema')
    if (plain !== undefined) tool.parameters = plain
    else if (isObject(declaration['parameters']))
      tool.parameters = fromGoogleSchema(declaration['parameters'])
    return [tool]
  })
}

function declarationsOf(body: Json): Json[] {
  return list(body['tools']).flatMap((tool) =>
    list(field(object(tool), 'functionDeclarations')).filter((declaration) => isObject(declaration)),
  )
}

/** Names of tools that Google runs itself. */
function hostedTools(body: Json): string[] {
  const names = list(body['tools']).flatMap((tool) => Object.keys(object(tool) ?? {}).map(jsonName))
  return [...new Set(names)].filter((name) => name !== 'functionDeclarations')
}

/** OpenRouter's names of what the body really uses. */
export function parametersInUse(body: Json): string[] {
  const { stop, responseFormat, toolChoice, logprobs, topLogprobs, ...values } = valuesOf(body)
  const config = configOf(body)
  const thinking = object(field(config, 'thinkingConfig'))
  const asks = ['thinkingLevel', 'thinkingBudget'].some((name) => field(thinking, name) !== undefined)
  const used: Readonly<Record<string, boolean>> = {
    temperature: values.temperature !== undefined,
    top_p: values.topP !== undefined,
    top_k: values.topK !== undefined,
    frequency_penalty: values.frequencyPenalty !== undefined,
    presence_penalty: values.presencePenalty !== undefined,
    seed: values.seed !== undefined,
    stop: stop !== undefined,
    max_tokens: field(config, 'maxOutputTokens') !== undefined,
    logprobs: logprobs === true,
    top_logprobs: topLogprobs !== undefined,
    reasoning: asks,
    tools: declarationsOf(body).length > 0,
    tool_choice: toolChoice !== undefined && toolChoice.kind !== 'auto',
    response_format: responseFormat !== undefined,
    structured_outputs: responseFormat?.kind === 'schema',
  }
  return Object.keys(used).filter((name) => used[name])
}
