import type { IncomingHttpHeaders, IncomingMessage } from 'node:http'
import { type ClientDialect, dialect } from '../dialects/index.ts'
import { apiPath } from './path.ts'
import { surfaceAt } from './v1/inference.ts'

const PLAIN: ClientDialect = dialect('openai-chat')!
const ANTHROPIC: ClientDialect = dialect('anthropic-messages')!
const GOOGLE: ClientDialect = dialect('gemini')!

/** Prefixes that only clients of one format put before a path. */
const PREFIXES: Readonly<Record<string, ClientDialect>> = {
  openai: PLAIN,
  anthropic: ANTHROPIC,
  v1beta: GOOGLE,
}

/**
 * The format that a client reads errors and lists of models in, whatever it asked for: that of the path where it is an
 * inference path; else that of the vendor whose headers it sends, then of the prefix; that of the API where nothing tells.
 * @param pathname with its prefixes, without the query
 */
export function formatOf(pathname: string, headers: IncomingHttpHeaders): ClientDialect {
  const surface = surfaceAt(apiPath(pathname) ?? pathname)
  if (surface !== undefined) return surface.dialect
  if (headers['anthropic-version'] !== undefined) return ANTHROPIC
  if (headers['x-goog-api-key'] !== undefined || headers['x-goog-api-client'] !== undefined) return GOOGLE
  const told = pathname.split('/').findLast((segment) => PREFIXES[segment] !== undefined)
  return told === undefined ? PLAIN : PREFIXES[told]!
}

const asked = new WeakMap<IncomingMessage, string>()

/** Keeps the path that a request came with, before the prefixes are evened out. */
export function keepPath(request: IncomingMessage, pathname: string): void {
  asked.set(request, pathname)
}

/** `formatOf` for a request; its path is the one that was kept. */
export function formatOfRequest(request: IncomingMessage): ClientDialect {
  const path = asked.get(request) ?? (request.url ?? '/').split('?', 1)[0]!
  return formatOf(path, request.headers)
}
