import type { ProviderDefinition } from './provider.ts'

/** Where a provider is reached: `https://host[:port]` and a path without trailing slash (may be empty). */
export interface Address {
  readonly origin: string
  readonly basePath: string
}

/**
 * Takes a base URL apart. Returns the address, or a sentence that says what is wrong with the text; the text itself is
 * not repeated, it may hold a password.
 */
export function parseBaseUrl(text: string): Address | string {
  let url: URL
  try {
    url = new URL(text)
  } catch {
    return 'must be a complete address such as https://api.example.com/v1'
  }
  if (url.protocol !== 'https:' && url.protocol !== 'http:') return 'must begin with https:// or http://'
  if (url.username || url.password) return 'must not hold a user name or password; use api_key or headers'
  if (url.search || url.hash) return 'must not hold a query (?…) or fragment (#…)'
  return { origin: url.origin, basePath: url.pathname.replace(/\/+$/, '') }
}

/**
 * Completes an address from a provider's own environment variable, which tools write loosely (`OLLAMA_HOST=0.0.0.0`,
 * `DATABRICKS_HOST=dbc-1.cloud.databricks.com`): scheme, port and path are taken from the definition where they lack,
 * and the any-address a server listens on becomes the loopback address a client calls.
 */
export function completeBaseUrl(definition: ProviderDefinition, value: string): string {
  const model = new URL(definition.baseUrl.replace(/\{\w+\}/g, 'x'))
  const bare = !/^https?:\/\//i.test(value)
  try {
    const url = new URL(bare ? `${model.protocol}//${value}` : value)
    if (url.hostname === '0.0.0.0' || url.hostname === '[::]') url.hostname = '127.0.0.1'
    if (bare && url.port === '' && !/:\d+\/*$/.test(value)) url.port = model.port
    if (url.pathname === '/') url.pathname = model.pathname
    return url.href
  } catch {
    return value
  }
}
