import type { IncomingHttpHeaders } from 'node:http'
import { type ChatRequest, GatewayError } from '../../chat/index.ts'
import { AUTO_ROUTER } from '../router-wishes.ts'

/** Endpoints of the OpenRouter API that this version does not serve: each answers 501 with what to use instead. */
export const NOT_SERVED: Readonly<Record<string, string>> = {
  '/rerank': 'Reranking is not served by this version.',
  '/images': 'Image generation is not served by this version.',
  '/videos': 'Video generation is not served by this version.',
  '/audio/speech': 'Speech is not served by this version.',
  '/audio/transcriptions': 'Transcription is not served by this version.',
}

/** Parts of the OpenRouter API that this version does not serve, whatever the method: a path and all below it. */
export const PARTS_NOT_SERVED: Readonly<Record<string, string>> = {
  '/auth/keys':
    'Signing in through this gateway (OAuth PKCE) is not served by this version. Make a key with POST /api/v1/keys.',
  '/benchmarks': 'Benchmarks are not served by this version.',
  '/byok':
    'Own provider keys of organizations are not served by this version. The operator names provider keys in waybill.yaml or the environment.',
  '/classifications': 'Classifications are not served by this version.',
  '/containers': 'Containers are not served by this version.',
  '/credits/coinbase':
    'Payments are not served by this version. The operator adds credit: waybill credits add USD',
  '/datasets': 'Datasets are not served by this version. Your own usage: POST /api/v1/analytics/query',
  '/decisions': 'Decisions are not served by this version.',
  '/files': 'Files are not served by this version. Send files within the request.',
  '/guardrails':
    'Guardrails are not served by this version. Cap spending with limits of keys and PUT /api/v1/budgets, and providers with presets.',
  '/images': 'Image generation is not served by this version.',
  '/interns': 'Interns are not served by this version.',
  '/oauth': 'Workload identity is not served by this version. Make a key with POST /api/v1/keys.',
  '/observability':
    'Observability destinations are not served by this version. Calls are at GET /api/v1/waybills.',
  '/scim': 'SCIM is not served by this version. Members: /api/v1/organization/members',
  '/systemone': 'Decisions are not served by this version.',
  '/vault': 'A vault is not served by this version.',
  '/videos': 'Video generation is not served by this version.',
}

/** OpenRouter keeps a few operations beside `/v1`. */
const BESIDE = /^\/(alpha|beta)(?=\/)/

/** A verb of Google's at a model; those that are served never come here. */
const GOOGLE_VERB = /^\/models\/.+:([A-Za-z]{1,40})$/

/** The 501 of a path that is known and not served; undefined for any other. */
export function notServed(method: string, path: string): GatewayError | undefined {
  const below = path.replace(BESIDE, '')
  const part = Object.keys(PARTS_NOT_SERVED).find((one) => below === one || below.startsWith(`${one}/`))
  if (part !== undefined) return new GatewayError('not_implemented', PARTS_NOT_SERVED[part]!)
  return method === 'POST' ? postNotServed(path) : undefined
}

function postNotServed(path: string): GatewayError | undefined {
  const verb = GOOGLE_VERB.exec(path)?.[1]
  const message =
    verb === undefined
      ? NOT_SERVED[path]
      : `"${verb}" is not served: use generateContent, streamGenerateContent or countTokens, and POST /api/v1/embeddings for embeddings.`
  return message === undefined ? undefined : new GatewayError('not_implemented', message)
}

/** What `ChatRequest.extras` may name, with the sentence of its 501. `transforms` and `debug` change no answer that fits, so they pass. */
const REFUSED: readonly (readonly [prefix: string, sentence: (name: string) => string])[] = [
  [
    'plugin:',
    (name) => `The plugin "${name}" is not served by this version. Send the request without "plugins".`,
  ],
  [
    'server-tool:',
    (name) => `The server tool "${name}" is not served by this version. Send only function tools.`,
  ],
]

/**
 * Refuses features inside a request that are not served: ignoring a plugin or a cache would look like success. Throws
 * GatewayError `not_implemented` (501).
 */
export function refuseUnserved(chat: ChatRequest, headers: IncomingHttpHeaders): void {
  if (chat.models.some((name) => /:online\b/i.test(name)))
    throw new GatewayError(
      'not_implemented',
      'Web search is not served by this version. Send the model without ":online".',
    )
  for (const extra of chat.extras ?? []) {
    if (extra === AUTO_ROUTER) continue
    for (const [prefix, sentence] of REFUSED)
      if (extra.startsWith(prefix))
        throw new GatewayError('not_implemented', sentence(extra.slice(prefix.length, prefix.length + 64)))
  }
  if (String(headers['x-openrouter-cache']).toLowerCase() === 'true')
    throw new GatewayError(
      'not_implemented',
      'The response cache is not served by this version. Send the request without X-OpenRouter-Cache.',
    )
}
