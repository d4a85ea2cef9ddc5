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

/** A verb of Google's at a model; those that are served never come here. */
const GOOGLE_VERB = /^\/models\/.+:([A-Za-z]{1,40})$/

/** The 501 of what may be POSTed to and is not served; undefined for any other path. */
export function notServed(path: string): GatewayError | undefined {
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
