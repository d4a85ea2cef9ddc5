import { createPrivateKey, type KeyObject, sign } from 'node:crypto'
import { readFile } from 'node:fs/promises'
import { GatewayError } from '../chat/index.ts'
import type { Clock } from '../lib/index.ts'
import { ask } from './ask.ts'
import type { Transport } from './transport.ts'

const SCOPE = 'https://www.googleapis.com/auth/cloud-platform'
const TOKEN_URL = 'https://oauth2.googleapis.com/token'
const JWT_GRANT = 'urn:ietf:params:oauth:grant-type:jwt-bearer'
/** The longest that Google lets an assertion live, s. */
const ASSERTION_S = 3_600
/** A token is renewed this long before its end, while it still serves, ms. */
const RENEW_MS = 5 * 60_000
/** A token this near to its end is not sent any more: it may run out on the way, ms. */
const MARGIN_MS = 10_000
/** Longest wait for a token, ms. */
const PATIENCE_MS = 10_000
/** After a failure nobody asks again for so long, ms. */
const PAUSE_MS = 5_000

interface TokenDeps {
  readonly transport: Transport
  readonly clock: Clock
  /** Reads a credentials file; `node:fs` when absent. */
  readonly read?: (file: string) => Promise<string>
}

/** Access tokens of Google, by credentials file; shared by every configuration of a process. */
export class GoogleTokens {
  readonly #deps: TokenDeps
  readonly #sources = new Map<string, GoogleToken>()

  constructor(deps: TokenDeps) {
    this.#deps = deps
  }

  /** The token that the file (service account, or a user's application default credentials) stands for. */
  of(file: string): GoogleToken {
    let source = this.#sources.get(file)
    if (source === undefined) {
      source = new GoogleToken(file, this.#deps)
      this.#sources.set(file, source)
    }
    return source
  }
}

/** One access token, kept fresh: renewed in the background five minutes before its end, by one exchange at a time. */
export class GoogleToken {
  readonly #file: string
  readonly #deps: TokenDeps
  #token: string | null = null
  #endsAt = Number.NEGATIVE_INFINITY
  #failed: { readonly error: GatewayError; readonly at: number } | null = null
  #exchange: Promise<void> | null = null

  constructor(file: string, deps: TokenDeps) {
    this.#file = file
    this.#deps = deps
  }

  /** Null when a token is at hand, else a promise of one. It rejects with GatewayError `provider_auth` or `provider_unavailable`. */
  ready(): Promise<void> | null {
    const now = this.#deps.clock.tick()
    const left = this.#endsAt - now
    if (left > RENEW_MS) return null
    const pausing = this.#failed !== null && now - this.#failed.at < PAUSE_MS
    if (left > MARGIN_MS) {
      // A failed renewal is told only when there is no token left.
      if (!pausing) this.#renew().catch(() => {})
      return null
    }
    return pausing ? Promise.reject(this.#failed!.error) : this.#renew()
  }

  /** The token. Throws GatewayError `provider_auth` when there is none: wait for `ready()` first. */
  get value(): string {
    if (this.#token === null) throw new GatewayError('provider_auth', 'There is no Google access token yet.')
    return this.#token
  }

  #renew(): Promise<void> {
    this.#exchange ??= this.#fetch().finally(() => {
      this.#exchange = null
    })
    return this.#exchange
  }

  async #fetch(): Promise<void> {
    const { clock, transport } = this.#deps
    try {
      const { url, body } = grantOf(await this.#read(), clock.now())
      const asked = clock.tick()
      const headers = ['content-type', 'application/x-www-form-urlencoded', 'accept', 'application/json']
      const request = {
        origin: url.origin,
        path: url.pathname + url.search,
        method: 'POST' as const,
        headers,
        body,
      }
      const answer = await ask(transport, request, PATIENCE_MS)
      const { token, seconds } = readAnswer(answer)
      this.#token = token
      this.#endsAt = asked + seconds * 1_000
      this.#failed = null
    } catch (thrown) {
      const error = thrown instanceof GatewayError ? thrown : unusable('cannot be used')
      this.#failed = { error, at: clock.tick() }
      throw error
    }
  }

  async #read(): Promise<Record<string, unknown>> {
    const { read = (file: string) => readFile(file, 'utf8') } = this.#deps
    let text: string
    try {
      text = await read(this.#file)
    } catch {
      throw unusable('cannot be read')
    }
    try {
      const parsed: unknown = JSON.parse(text)
      if (typeof parsed === 'object' && parsed !== null) return parsed as Record<string, unknown>
    } catch {
      // What a broken file holds may be a key: nothing of it is repeated.
    }
    throw unusable('is not JSON')
  }
}

const unusable = (what: string): GatewayError =>
  new GatewayError(
    'provider_auth',
    `The Google credentials file ${what}. Set credentials_file to the key file of a service account.`,
  )

/** The exchange that a credentials file stands for. Source: Google, "Using OAuth 2.0 for server to server applications". */
function grantOf(file: Record<string, unknown>, nowMs: number): { url: URL; body: string } {
  const text = (name: string): string => {
    const value = file[name]
    if (typeof value !== 'string' || value === '') throw unusable(`lacks ${name}`)
    return value
  }
  const url = tokenUrl(file['token_uri'])
  if (file['type'] === 'authorized_user') {
    const fields = {
      grant_type: 'refresh_token',
      client_id: text('client_id'),
      client_secret: text('client_secret'),
      refresh_token: text('refresh_token'),
    }
    return { url, body: new URLSearchParams(fields).toString() }
  }
  if (file['type'] !== 'service_account') throw unusable('is of a type that is not supported')
  const issuedAt = Math.floor(nowMs / 1_000)
  const claims = {
    iss: text('client_email'),
    scope: SCOPE,
    aud: url.href,
    iat: issuedAt,
    exp: issuedAt + ASSERTION_S,
  }
  const assertion = jwt(
    { alg: 'RS256', typ: 'JWT', kid: file['private_key_id'] },
    claims,
    keyOf(text('private_key')),
  )
  return { url, body: new URLSearchParams({ grant_type: JWT_GRANT, assertion }).toString() }
}

/** Google's own address unless the file names another; without TLS only this machine. */
function tokenUrl(given: unknown): URL {
  const url = URL.parse(typeof given === 'string' ? given : TOKEN_URL)
  const local = url?.hostname === '127.0.0.1' || url?.hostname === 'localhost'
  if (url === null || (url.protocol !== 'https:' && !local)) throw unusable('names a token_uri without https')
  return url
}

function keyOf(pem: string): KeyObject {
  try {
    return createPrivateKey(pem)
  } catch {
    throw unusable('holds a private_key that is none')
  }
}

/** A JSON Web Token signed with RSA and SHA-256 (RFC 7515, RFC 7518 section 3.3). */
function jwt(header: object, claims: object, key: KeyObject): string {
  const part = (value: object) => Buffer.from(JSON.stringify(value)).toString('base64url')
  const said = `${part(header)}.${part(claims)}`
  return `${said}.${sign('RSA-SHA256', Buffer.from(said), key).toString('base64url')}`
}

function readAnswer(answer: { readonly status: number; readonly body: unknown } | null): {
  token: string
  seconds: number
} {
  const body = (typeof answer?.body === 'object' ? answer.body : null) as Record<string, unknown> | null
  const token = body?.['access_token']
  const seconds = body?.['expires_in']
  if (answer?.status === 200 && typeof token === 'string' && /^[\x21-\x7e]+$/.test(token)) {
    return { token, seconds: typeof seconds === 'number' && seconds > 0 ? seconds : ASSERTION_S }
  }
  if (answer === null || answer.status >= 500 || answer.status === 429) {
    throw new GatewayError(
      'provider_unavailable',
      'Google gave no access token: its token service did not answer.',
    )
  }
  const code = body?.['error']
  const named = typeof code === 'string' && /^[a-z_]{1,64}$/.test(code) ? ` (${code})` : ''
  throw new GatewayError(
    'provider_auth',
    `Google refused the credentials file${named}. Check that the account is enabled, its key is current and this machine's clock is right.`,
  )
}
