/** Version and vendor prefixes that clients put before the API's own paths, in any order and number (`/api/v1`, `/v1/v1`, `/openai/v1`, …). */
const PREFIXES = new Set(['api', 'v1', 'openai', 'anthropic', 'v1beta'])

/**
 * The path of the API below every prefix, e.g. `/api/v1/v1/chat/completions/` → `/chat/completions`. Returns null when
 * the path starts with none of the prefixes: then it is a page or a probe of ours, or a client's base URL that lacks
 * its version (`bareApiPath` tells).
 */
export function apiPath(pathname: string): string | null {
  let from = 0
  for (;;) {
    const slash = pathname.indexOf('/', from + 1)
    const segment = pathname.slice(from + 1, slash === -1 ? undefined : slash)
    if (!PREFIXES.has(segment)) break
    if (slash === -1) return '/'
    from = slash
  }
  if (from === 0) return null
  return withoutTrailingSlash(pathname.slice(from))
}

/** The API path of a request without any prefix, when it can only be meant so; null otherwise. */
export function bareApiPath(method: string, pathname: string): string | null {
  const path = withoutTrailingSlash(pathname)
  return (method === 'POST' || method === 'OPTIONS') && INFERENCE_PATHS.has(path) ? path : null
}

/** Every inference path: what forgiveness and the tests of the surfaces go by. */
export const INFERENCE_PATHS: ReadonlySet<string> = new Set([
  '/chat/completions',
  '/completions',
  '/responses',
  '/messages',
  '/messages/count_tokens',
  '/embeddings',
  '/rerank',
  '/images',
  '/videos',
  '/audio/speech',
  '/audio/transcriptions',
])

function withoutTrailingSlash(path: string): string {
  return path.length > 1 && path.endsWith('/') ? path.slice(0, -1) : path
}
