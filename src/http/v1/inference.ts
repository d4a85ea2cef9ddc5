import type { IncomingMessage, ServerResponse } from 'node:http'
import {
  clientDialect,
  encodeGeminiCount,
  GeminiArray,
  geminiInArray,
  parseGeminiPath,
  type RequestTarget,
} from '../../dialects/index.ts'
import type { Gateway } from '../gateway.ts'
import { journey, type Surface } from '../journey.ts'
import { type CountReply, countTokens } from './count-tokens.ts'

export type InferenceRoute = (
  gateway: Gateway,
  request: IncomingMessage,
  response: ServerResponse,
  path: string,
  query: string,
) => Promise<void>

/** Every client format at its path below the API's prefixes. A surface that is not here does not exist. */
export const SURFACES: Readonly<Record<string, Surface>> = {
  '/chat/completions': { name: 'chat', dialect: clientDialect('openai-chat')! },
  '/completions': { name: 'completions', dialect: clientDialect('openai-completions')! },
  '/messages': { name: 'messages', dialect: clientDialect('anthropic-messages')! },
  '/responses': { name: 'responses', dialect: clientDialect('openai-responses')! },
  '/responses/compact': { name: 'compact', dialect: clientDialect('openai-compaction')! },
  '/embeddings': { name: 'embeddings', dialect: clientDialect('openai-embeddings')! },
  '/models/{id}:generateContent': { name: 'gemini', dialect: clientDialect('gemini')! },
}

/** The same answers as a JSON array whose elements come one by one: what Google streams without `alt=sse`. */
const GEMINI = SURFACES['/models/{id}:generateContent']!
const GEMINI_ARRAY: Surface = {
  ...GEMINI,
  reframing: { create: () => new GeminiArray(), errors: geminiInArray },
}

/** Calls that count a prompt's tokens in a client format. */
const COUNTS: Readonly<Record<string, { readonly surface: string; readonly reply: CountReply }>> = {
  '/messages/count_tokens': {
    surface: '/messages',
    reply: (tokens, estimated) => ({ input_tokens: tokens, ...(estimated && { estimated: true }) }),
  },
  '/responses/input_tokens': {
    surface: '/responses',
    reply: (tokens, estimated) => ({
      object: 'response.input_tokens',
      input_tokens: tokens,
      ...(estimated && { estimated: true }),
    }),
  },
  '/models/{id}:countTokens': {
    surface: '/models/{id}:generateContent',
    reply: encodeGeminiCount,
  },
}

/** Every POST that an API key may make, below the API's prefixes: what documents and tests go by. */
export const INFERENCE_ROUTES: readonly string[] = [...Object.keys(SURFACES), ...Object.keys(COUNTS)]

/** The surface that a path belongs to, also where its verb is not served; undefined when it is no inference path. */
export function surfaceAt(path: string): Surface | undefined {
  const name = tableName(path)
  const google = path.startsWith('/models/') && /:[A-Za-z]{1,40}$/.test(path)
  return SURFACES[COUNTS[name]?.surface ?? (google ? '/models/{id}:generateContent' : name)]
}

/** The name under which a path stands in the tables above: Google's paths hold model and verb. */
function tableName(path: string): string {
  const verb = path.startsWith('/models/') ? parseGeminiPath(path)?.verb : undefined
  if (verb === undefined) return path
  return verb === 'countTokens' ? '/models/{id}:countTokens' : '/models/{id}:generateContent'
}

/** What serves a POST to an inference path; undefined when the path is none. */
export function inferenceRoute(path: string): InferenceRoute | undefined {
  const name = tableName(path)
  const count = COUNTS[name]
  if (count !== undefined)
    return (gateway, request, response, at, query) =>
      countTokens(
        gateway,
        SURFACES[count.surface]!,
        count.reply,
        targetOf(at, query, request),
        request,
        response,
      )
  const surface = SURFACES[name]
  if (surface === undefined) return undefined
  return (gateway, request, response, at, query) => {
    const shape = surface === GEMINI && streamsArray(at, query) ? GEMINI_ARRAY : surface
    return journey(gateway, shape, targetOf(at, query, request), request, response)
  }
}

/** Google's servers stream an array unless `alt` says `sse`; `$alt` is the same. */
function streamsArray(path: string, query: string): boolean {
  if (parseGeminiPath(path)?.verb !== 'streamGenerateContent') return false
  const asked = new URLSearchParams(query)
  return (asked.get('alt') ?? asked.get('$alt')) !== 'sse'
}

function targetOf(path: string, query: string, request: IncomingMessage): RequestTarget {
  return {
    path,
    query,
    headers: (name) => {
      const value = request.headers[name]
      return typeof value === 'string' ? value : undefined
    },
  }
}
