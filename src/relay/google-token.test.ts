import { createVerify, generateKeyPairSync } from 'node:crypto'
import { describe, expect, test } from 'vitest'
import { GoogleToken, GoogleTokens } from './google-token.ts'
import { type Transport, TransportError, type UpstreamRequest } from './transport.ts'

const { privateKey, publicKey } = generateKeyPairSync('rsa', { modulusLength: 2048 })
const FILE = {
  type: 'service_account',
  client_email: 'robot@p.iam.gserviceaccount.com',
  private_key_id: 'key-1',
  private_key: privateKey.export({ type: 'pkcs8', format: 'pem' }),
  token_uri: 'https://oauth2.googleapis.com/token',
}
const MINUTE = 60_000
const named = (file: string) => ({ file, usualFile: null, metadataHost: null })

/** A token service that hands out numbered tokens, or what it is told to. */
class TokenService implements Transport {
  readonly requests: UpstreamRequest[] = []
  status = 200
  body: unknown = null
  unreachable = false

  send(request: UpstreamRequest, handler: Parameters<Transport['send']>[1]) {
    this.requests.push(request)
    const n = this.requests.length
    queueMicrotask(() => {
      if (this.unreachable) {
        handler.onError(new TransportError('connect', 'refused'), false)
        return
      }
      handler.onHead(this.status, () => undefined)
      handler.onData(
        Buffer.from(JSON.stringify(this.body ?? { access_token: `token-${n}`, expires_in: 3600 })),
      )
      handler.onEnd()
    })
    return { resume: () => {}, abort: () => {} }
  }

  async close(): Promise<void> {}
}

function token(file: unknown = FILE) {
  const service = new TokenService()
  const clock = { ms: 0, now: () => Date.UTC(2026, 0, 1) + clock.ms, tick: () => clock.ms }
  const read = async () => (typeof file === 'string' ? file : JSON.stringify(file))
  const source = new GoogleToken(named('sa.json'), { transport: service, clock, read })
  return { service, clock, source }
}

describe('an access token', () => {
  test('is fetched with an assertion that Google can verify', async () => {
    const { service, source } = token()
    await source.ready()
    expect(source.value).toBe('token-1')
    const [request] = service.requests
    expect(request).toMatchObject({ origin: 'https://oauth2.googleapis.com', path: '/token', method: 'POST' })
    const form = new URLSearchParams(String(request!.body))
    expect(form.get('grant_type')).toBe('urn:ietf:params:oauth:grant-type:jwt-bearer')
    const [header, claims, signature] = form.get('assertion')!.split('.') as [string, string, string]
    const json = (part: string) => JSON.parse(Buffer.from(part, 'base64url').toString())
    expect(json(header)).toEqual({ alg: 'RS256', typ: 'JWT', kid: 'key-1' })
    expect(json(claims)).toEqual({
      iss: FILE.client_email,
      scope: 'https://www.googleapis.com/auth/cloud-platform',
      aud: FILE.token_uri,
      iat: Date.UTC(2026, 0, 1) / 1000,
      exp: Date.UTC(2026, 0, 1) / 1000 + 3600,
    })
    const proof = createVerify('RSA-SHA256').update(`${header}.${claims}`)
    expect(proof.verify(publicKey, Buffer.from(signature, 'base64url'))).toBe(true)
  })

  test('is fetched once for all who wait, and kept', async () => {
    const { service, source, clock } = token()
    await Promise.all([source.ready(), source.ready(), source.ready()])
    expect(service.requests).toHaveLength(1)
    clock.ms = 54 * MINUTE
    expect(source.ready()).toBeNull()
    expect(service.requests).toHaveLength(1)
  })

  test('is renewed in the background five minutes before its end, while it serves on', async () => {
    const { service, source, clock } = token()
    await source.ready()
    clock.ms = 56 * MINUTE
    expect(source.ready()).toBeNull()
    expect(source.ready()).toBeNull()
    expect(source.value).toBe('token-1')
    await expect.poll(() => source.value).toBe('token-2')
    expect(service.requests).toHaveLength(2)
  })

  test('that cannot be renewed serves to its end; then callers hear why, and the service is left in peace', async () => {
    const { service, source, clock } = token()
    await source.ready()
    service.unreachable = true
    clock.ms = 56 * MINUTE
    expect(source.ready()).toBeNull()
    await new Promise((resolve) => setTimeout(resolve))
    clock.ms += 1000
    expect(source.ready()).toBeNull()
    expect(service.requests).toHaveLength(2)
    clock.ms = 61 * MINUTE
    await expect(source.ready()).rejects.toMatchObject({ code: 'provider_unavailable' })
    await expect(source.ready()).rejects.toMatchObject({ code: 'provider_unavailable' })
    expect(service.requests).toHaveLength(3)
    service.unreachable = false
    clock.ms += 6000
    await source.ready()
    expect(source.value).toBe('token-4')
  })

  test('of a user is fetched with the refresh token of gcloud', async () => {
    const { service, source } = token({
      type: 'authorized_user',
      client_id: 'id',
      client_secret: 's',
      refresh_token: 'r',
    })
    await source.ready()
    expect(Object.fromEntries(new URLSearchParams(String(service.requests[0]!.body)))).toEqual({
      grant_type: 'refresh_token',
      client_id: 'id',
      client_secret: 's',
      refresh_token: 'r',
    })
  })

  test('is shared by all who name the same file', () => {
    const { service, clock } = token()
    const tokens = new GoogleTokens({ transport: service, clock })
    expect(tokens.of(named('a.json'))).toBe(tokens.of(named('a.json')))
    expect(tokens.of(named('a.json'))).not.toBe(tokens.of(named('b.json')))
  })
})

describe('credentials that cannot be used are named without what they hold', () => {
  test.each<[string, unknown, RegExp]>([
    ['a file that is no JSON', '-----BEGIN PRIVATE', /is not JSON/],
    ['a file without a key', { ...FILE, private_key: undefined }, /lacks private_key/],
    ['a key that is none', { ...FILE, private_key: 'SECRET' }, /private_key that is none/],
    ['another type', { ...FILE, type: 'gdch_service_account' }, /type that is not supported/],
    ['an address without TLS', { ...FILE, token_uri: 'http://evil.example/token' }, /without https/],
  ])('%s', async (_, file, sentence) => {
    const { source, service } = token(file)
    const failure = await Promise.resolve(source.ready()).catch((error: unknown) => error)
    expect(failure).toMatchObject({ code: 'provider_auth', message: expect.stringMatching(sentence) })
    expect(String(failure)).not.toContain('SECRET')
    expect(service.requests).toHaveLength(0)
  })

  test('a refusal of Google', async () => {
    const { source, service } = token()
    service.status = 400
    service.body = { error: 'invalid_grant', error_description: 'Invalid JWT Signature.' }
    await expect(source.ready()).rejects.toMatchObject({
      code: 'provider_auth',
      message: expect.stringContaining('invalid_grant'),
    })
    expect(() => source.value).toThrow(/no Google access token/)
  })

  test('a file that is not there', async () => {
    const { service, clock } = token()
    const source = new GoogleToken(named('/nowhere/sa.json'), { transport: service, clock })
    await expect(source.ready()).rejects.toMatchObject({ message: expect.stringContaining('cannot be read') })
  })
})
