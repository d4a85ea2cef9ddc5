/** Version and vendor prefixes that clients put before the API's own paths, in any order and number (`/api/v1`, `/v1/v1`, `/openai/v1`, …). */
const PREFIXES = new Set(['api', 'v1', 'openai', 'anthropic', 'v1beta', 'cursor'])

/**
 * The path of the API below every prefix, e.g. `/api/v1/v1/chat/completions/` → `/chat/completions`. Returns null when
 * the path starts with none of the prefixes: then it is a page or a probe of ours, or a client's base URL that lacks
 * its version (`bareApiPath` tells).
 */
export function apiPath(given: string): string | null {
  // A base URL that ends in a slash, with a path that begins with one.
  const pathname = given.includes('//') ? given.replace(/\/{2,}/g, '/') : given
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
  const path = withoutTrailingSlash(pathname.replace(/^\/{2,}/, '/'))
  return (method === 'POST' || method === 'OPTIONS') && INFERENCE_PATHS.has(path) ? path : null
}

/** Every inference path: what forgiveness and the tests of the surfaces go by. */
export const INFERENCE_PATHS: ReadonlySet<string> = new Set([
  '/chat/completions',
  '/completions',
  '/responses',
  '/responses/compact',
  '/responses/input_tokens',
  '/messages',
  '/messages/count_tokens',
  '/embeddings',
  '/rerank',
  '/images',
  '/videos',
  '/audio/speech',
  '/audio/transcriptions',
])

/** GET paths that clients ask for by themselves, for the sentence of a 404. */
const READ_PATHS = [
  '/models',
  '/models/count',
  '/models/user',
  '/embeddings/models',
  '/providers',
  '/key',
  '/keys',
  '/credits',
]

/** Most letters that may be wrong in a path for it to be recognised; in short ones a third. */
const MAX_EDITS = 3
const LONGEST = 100

/**
 * The path of the API that a wrong one was most likely meant to be: one that it ends in (`/v2/chat/completions`,
 * `/openai/deployments/x/chat/completions`), begins (`/chat`), or misspells; null when none is near.
 */
export function nearestPath(method: string, pathname: string): string | null {
  if (pathname.length > LONGEST) return null
  const path = withoutTrailingSlash(apiPath(pathname) ?? pathname).toLowerCase()
  const known = method === 'GET' ? READ_PATHS : [...INFERENCE_PATHS]
  const longestFirst = known.toSorted((a, b) => b.length - a.length)
  const within =
    longestFirst.find((one) => path.endsWith(one)) ?? longestFirst.find((one) => one.startsWith(`${path}/`))
  if (within !== undefined) return within
  const near = known.map((one) => ({ one, edits: edits(path, one) })).sort((a, b) => a.edits - b.edits)[0]!
  return near.edits <= Math.min(MAX_EDITS, Math.floor(near.one.length / 3)) ? near.one : null
}

/** Levenshtein distance. */
function edits(a: string, b: string): number {
  let row = Array.from({ length: b.length + 1 }, (_, i) => i)
  for (let i = 1; i <= a.length; i++) {
    const next = [i]
    for (let j = 1; j <= b.length; j++) {
      next[j] = Math.min(row[j]! + 1, next[j - 1]! + 1, row[j - 1]! + (a[i - 1] === b[j - 1] ? 0 : 1))
    }
    row = next
  }
  return row[b.length]!
}

function withoutTrailingSlash(path: string): string {
  return path.length > 1 && path.endsWith('/') ? path.slice(0, -1) : path
}
