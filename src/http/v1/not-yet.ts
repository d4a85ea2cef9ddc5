import { GatewayError } from '../../chat/index.ts'

/** Endpoints of the OpenRouter API that this version does not serve: each answers 501 with what to use instead. */
export const NOT_SERVED: Readonly<Record<string, string>> = {
  '/completions':
    'Legacy text completions are not served by this version. Use POST /api/v1/chat/completions.',
  '/responses': 'The Responses API is not served by this version. Use POST /api/v1/chat/completions.',
  '/messages': 'The Messages API is not served by this version. Use POST /api/v1/chat/completions.',
  '/messages/count_tokens': 'Token counting is not served by this version.',
  '/embeddings': 'Embeddings are not served by this version.',
  '/rerank': 'Reranking is not served by this version.',
  '/images': 'Image generation is not served by this version.',
  '/videos': 'Video generation is not served by this version.',
  '/audio/speech': 'Speech is not served by this version.',
  '/audio/transcriptions': 'Transcription is not served by this version.',
}

/** The 501 of an endpoint that is known and not served; undefined for any other path. */
export function notServed(path: string): GatewayError | undefined {
  const message = NOT_SERVED[path]
  return message === undefined ? undefined : new GatewayError('not_implemented', message)
}

/**
 * Features inside a chat request that are not served: they are refused rather than ignored, since ignoring a plugin or
 * a cache would look like success.
 */
export function unservedFeature(
  wire: Readonly<Record<string, unknown>>,
  header: (name: string) => string | undefined,
): GatewayError | undefined {
  const plugins = wire['plugins']
  const wanted = Array.isArray(plugins)
    ? plugins.find((plugin) => (plugin as { enabled?: unknown } | null)?.enabled !== false)
    : undefined
  if (wanted !== undefined) {
    const id = String((wanted as { id?: unknown } | null)?.id ?? 'unnamed').slice(0, 64)
    return new GatewayError(
      'not_implemented',
      `The plugin "${id}" is not served by this version. Send the request without "plugins".`,
    )
  }
  if (header('x-openrouter-cache')?.toLowerCase() === 'true')
    return new GatewayError(
      'not_implemented',
      'The response cache is not served by this version. Send the request without X-OpenRouter-Cache.',
    )
  return undefined
}
