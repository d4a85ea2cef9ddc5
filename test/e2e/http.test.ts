import { request as httpRequest, type IncomingHttpHeaders } from 'node:http'
import { connect } from 'node:net'
import { networkInterfaces } from 'node:os'
import { afterAll, beforeAll, describe, expect, it } from 'vitest'
import { PAGES, ROUTES } from '../../src/app.ts'
import { INFERENCE_ROUTES } from '../../src/http/v1/inference.ts'
import { NOT_SERVED } from '../../src/http/v1/not-yet.ts'
import { mintKey } from '../../src/identity/index.ts'
import { HOP_HEADER } from '../../src/providers/index.ts'
import { type RunningGateway, startGateway } from '../harness/gateway.ts'

let gateway: RunningGateway

interface Answer {
  status: number
  headers: IncomingHttpHeaders
  body: string
}

/** One request as given: `fetch` would forbid some headers and mend others. */
function send(
  method: string,
  path: string,
  headers: Record<string, string> = {},
  body = '',
  url = gateway.url,
): Promise<Answer> {
  return new Promise((resolve, reject) => {
    const sent = httpRequest(`${url}${path}`, { method, headers, agent: false }, (response) => {
      let text = ''
      response.setEncoding('utf8').on('data', (piece) => {
        text += piece
      })
      response.on('end', () =>
        resolve({ status: response.statusCode!, headers: response.headers, body: text }),
      )
    })
    sent.on('error', reject)
    sent.end(body)
  })
}

/** Bytes on the line, and what comes back until the connection closes. */
function raw(bytes: string, url = gateway.url): Promise<string> {
  const { hostname, port } = new URL(url)
  return new Promise((resolve, reject) => {
    const socket = connect(Number(port), hostname, () => socket.write(bytes))
    let text = ''
    socket.setTimeout(5_000, () => socket.destroy(new Error(`no end after: ${text}`)))
    socket.setEncoding('utf8').on('data', (piece) => {
      text += piece
    })
    socket.on('error', (error) => (text === '' ? reject(error) : undefined)).on('close', () => resolve(text))
  })
}

const bearer = (key: string) => ({ authorization: `Bearer ${key}` })
const message = ({ body }: Answer): string => JSON.parse(body).error.message
const ECHO = JSON.stringify({ model: 'sim/echo', messages: [{ role: 'user', content: 'Hi' }] })

/** A key of every kind, by name; null is no key at all. */
const keys: Record<string, string | null> = {}

beforeAll(async () => {
  gateway = await startGateway()
  const make = async (more: object) =>
    (await gateway.call('POST', '/keys', { name: 'k', ...more }, gateway.operatorKey)).body
  keys['none'] = null
  keys['text'] = 'sk-proj-of-somebody-else'
  keys['unknown'] = mintKey()
  keys['inference'] = gateway.key
  keys['management'] = (await make({ management: true })).key
  keys['operator'] = gateway.operatorKey
  const disabled = await make({})
  await gateway.call('PATCH', `/keys/${disabled.data.hash}`, { disabled: true }, gateway.operatorKey)
  keys['disabled'] = disabled.key
  keys['expired'] = (await make({ expires_at: '2020-01-01T00:00:00Z' })).key
})

afterAll(() => gateway?.remove())

describe('who may call what', () => {
  /** What the table of routes promises to a kind of key: a status, or `served`. */
  function promised(access: string, kind: string): number | 'served' {
    if (access === 'public') return 'served'
    if (!['inference', 'management', 'operator'].includes(kind)) return 401
    if (kind === 'operator') return access === 'inference' ? 403 : 'served'
    if (access === 'member') return 'served'
    return access === kind ? 'served' : 403
  }

  /** Routes that tell a key about itself: the operator has none to ask about. */
  const OF_A_KEY = ['/key', '/auth/key']

  const all = [
    ...ROUTES.map(([method, path, access]) => [method, path, access] as const),
    ...INFERENCE_ROUTES.map((path) => ['POST', path, 'inference'] as const),
  ]

  it('knows at least the routes of this version', () => {
    expect(all.length).toBeGreaterThan(20)
    expect(INFERENCE_ROUTES).toContain('/chat/completions')
  })

  it.each(all)('%s %s is for %s', async (method, path, access) => {
    const concrete = path
      .replace(':author', 'openai')
      .replace(':slug', 'gpt-5.1')
      .replace(':hash', 'f'.repeat(64))
      .replace('{id}', 'sim/echo')
    for (const [kind, key] of Object.entries(keys)) {
      // Without a body nothing is done even where the caller may.
      const answer = await send(method, `/api/v1${concrete}`, key === null ? {} : bearer(key))
      const wanted = kind === 'operator' && OF_A_KEY.includes(path) ? 403 : promised(access, kind)
      const got = answer.status === 401 || answer.status === 403 ? answer.status : 'served'
      expect([kind, got]).toEqual([kind, wanted])
      expect(answer.status).toBeLessThan(500)
      if (got !== 'served') {
        const { error } = JSON.parse(answer.body)
        // Anthropic's errors have no code.
        expect(error.code ?? answer.status).toBe(answer.status)
        expect(error.message.length).toBeGreaterThan(30)
        if (key !== null) expect(answer.body).not.toContain(key)
      }
    }
  })

  it.each(PAGES.map(([path]) => path))('%s is for everyone', async (path) => {
    expect((await send('GET', path)).status).toBe(200)
    const head = await send('HEAD', path)
    expect(head).toMatchObject({ status: 200, body: '' })
    const wrong = await send('POST', path)
    expect(wrong.status).toBe(405)
    expect(wrong.headers.allow).toBe('GET')
  })

  it('says which it is: missing, foreign, unknown, disabled, expired, of the wrong kind', async () => {
    const told = async (kind: string, path = '/api/v1/key') =>
      message(await send('GET', path, keys[kind] === null ? {} : bearer(keys[kind]!)))
    expect(await told('none')).toContain('No API key came with the request')
    expect(await told('text')).toContain('not a key of this gateway')
    expect(await told('unknown')).toContain('unknown here')
    expect(await told('disabled')).toContain('is disabled')
    expect(await told('expired')).toContain('expired on 2020-01-01')
    expect(await told('inference', '/api/v1/keys')).toContain('--management')
    expect(await told('management', '/api/v1/admin/status')).toContain('Only the operator')
  })

  it('takes the key from every header that clients use', async () => {
    for (const headers of [
      bearer(gateway.key),
      { authorization: `bearer   ${gateway.key}` },
      { 'x-api-key': gateway.key },
      { 'x-goog-api-key': gateway.key },
      { authorization: 'Basic bm9wZQ==', 'x-api-key': gateway.key },
    ] as Record<string, string>[])
      expect([headers, (await send('GET', '/api/v1/key', headers)).status]).toEqual([headers, 200])
    expect((await send('GET', `/api/v1/key?key=${gateway.key}`)).status).toBe(401)
  })
})

describe('the operator key', () => {
  it('is not taken from behind a proxy', async () => {
    for (const name of ['x-forwarded-for', 'forwarded', 'x-real-ip']) {
      const answer = await send('GET', '/api/v1/admin/status', {
        ...bearer(gateway.operatorKey),
        [name]: '127.0.0.1',
      })
      expect(answer.status).toBe(403)
    }
  })

  const outside = Object.values(networkInterfaces())
    .flat()
    .find((address) => address?.family === 'IPv4' && !address.internal)?.address

  it('works from loopback alone, also on a public server', async (context) => {
    if (outside === undefined) return context.skip('by design: this machine has no other address')
    const open = await startGateway({ args: ['--host', '0.0.0.0', '--public'] })
    try {
      const { port } = new URL(open.url)
      const away = `http://${outside}:${port}`
      expect((await send('GET', '/api/v1/admin/status', bearer(open.operatorKey))).status).toBe(401)
      expect((await send('GET', '/api/v1/admin/status', bearer(open.operatorKey), '', open.url)).status).toBe(
        200,
      )
      const refused = await send('GET', '/api/v1/admin/status', bearer(open.operatorKey), '', away)
      expect(refused.status).toBe(403)
      expect(message(refused)).toContain('only from the machine')
      expect((await send('POST', '/api/v1/chat/completions', bearer(open.key), ECHO, away)).status).toBe(200)
      expect((await send('GET', '/ready', { host: 'any.example.com' }, '', away)).status).toBe(200)
    } finally {
      await open.remove()
    }
  })
})

describe('what is not there', () => {
  it('answers 404 with the URL to use', async () => {
    const lost = await send('GET', '/chat')
    expect(lost.status).toBe(404)
    expect(message(lost)).toContain(`The API lives below ${gateway.url}/api/v1`)
    expect(message(await send('GET', '/api/v1/modells'))).toContain(
      `models at GET ${gateway.url}/api/v1/models`,
    )
    expect((await send('GET', '/')).status).toBe(404)
    expect((await send('HEAD', '/api')).status).toBe(404)
  })

  it('answers 405 with the method to use', async () => {
    const chat = await send('GET', '/v1/chat/completions')
    expect([chat.status, chat.headers.allow]).toEqual([405, 'POST'])
    expect(message(chat)).toContain(`use POST ${gateway.url}/api/v1/chat/completions`)
    const models = await send('DELETE', '/api/v1/models')
    expect([models.status, models.headers.allow]).toEqual([405, 'GET'])
    const keysRoute = await send('PUT', '/api/v1/keys')
    expect([keysRoute.status, keysRoute.headers.allow]).toEqual([405, 'GET, POST'])
    expect((await send('OPTIONS', '/api/v1/keys')).status).toBe(405)
  })

  it.each(Object.entries(NOT_SERVED))('POST %s answers 501 with a sentence', async (path, sentence) => {
    for (const prefix of ['/api/v1', '/v1', '']) {
      const answer = await send('POST', `${prefix}${path}`, bearer(gateway.key), '{}')
      expect([answer.status, message(answer)]).toEqual([501, sentence])
      expect(JSON.parse(answer.body).error.metadata.error_code).toBe('not_implemented')
    }
  })

  it('refuses plugins and the response cache with 501 instead of passing over them', async () => {
    const chat = JSON.parse(ECHO)
    const plugin = await send(
      'POST',
      '/api/v1/chat/completions',
      bearer(gateway.key),
      JSON.stringify({ ...chat, plugins: [{ id: 'web' }] }),
    )
    expect([plugin.status, message(plugin)]).toEqual([501, expect.stringContaining('plugin "web"')])
    const off = JSON.stringify({ ...chat, plugins: [{ id: 'web', enabled: false }] })
    expect((await send('POST', '/api/v1/chat/completions', bearer(gateway.key), off)).status).toBe(200)
    const cached = { ...bearer(gateway.key), 'x-openrouter-cache': 'true' }
    const cache = await send('POST', '/api/v1/chat/completions', cached, ECHO)
    expect([cache.status, message(cache)]).toEqual([501, expect.stringContaining('response cache')])
  })
})

describe('where a request comes from', () => {
  it('a name that is rebound to this machine is refused', async () => {
    for (const host of ['evil.example', '127.0.0.1.nip.io', 'localhost.evil.example:80', '192.168.0.1']) {
      const answer = await send('GET', '/api/v1/models/count', { host })
      expect([host, answer.status]).toEqual([host, 403])
      expect(message(answer)).toContain('server.allowed_hosts')
    }
    for (const host of ['localhost', '[::1]:80', 'waybill.localhost', '127.0.0.1:1'])
      expect([host, (await send('GET', '/api/v1/models/count', { host })).status]).toEqual([host, 200])
  })

  it('a gateway that calls itself is told so with 508', async () => {
    const answer = await send(
      'POST',
      '/api/v1/chat/completions',
      { ...bearer(gateway.key), [HOP_HEADER]: '1' },
      ECHO,
    )
    expect(answer.status).toBe(508)
    expect(message(answer)).toContain('base_url')
  })

  it('pages of other sites may use inference and catalog, and nothing that administers', async () => {
    const origin = { origin: 'https://app.example.com' }
    const open = (answer: Answer) => answer.headers['access-control-allow-origin']
    expect(open(await send('GET', '/api/v1/models/count', origin))).toBe('*')
    expect(open(await send('GET', '/api/v1/models/openai/gpt-5.1/endpoints', origin))).toBe('*')
    for (const stream of [true, false]) {
      const body = JSON.stringify({ ...JSON.parse(ECHO), stream })
      const answer = await send(
        'POST',
        '/api/v1/chat/completions',
        { ...origin, ...bearer(gateway.key) },
        body,
      )
      expect([answer.status, open(answer)]).toEqual([200, '*'])
      expect(answer.headers['access-control-expose-headers']).toContain('x-generation-id')
      expect(answer.headers['x-generation-id']).toMatch(/^gen-/)
    }
    // Errors too: a page could not read the sentence otherwise.
    expect(open(await send('POST', '/api/v1/chat/completions', origin, ECHO))).toBe('*')
    const asked = { ...origin, 'access-control-request-method': 'POST' }
    for (const path of ['/api/v1/chat/completions', '/v1/messages', '/chat/completions', '/api/v1/models']) {
      const answer = await send('OPTIONS', path, asked)
      expect([answer.status, open(answer)]).toEqual([204, '*'])
      expect(answer.headers['access-control-allow-headers']).toBe('*, authorization')
    }
    for (const path of ['/keys', '/credits', '/key', '/generation', '/admin/status', '/admin/credits'])
      for (const method of ['GET', 'OPTIONS']) {
        const answer = await send(method, `/api/v1${path}`, { ...asked, ...bearer(gateway.operatorKey) })
        expect([path, method, open(answer)]).toEqual([path, method, undefined])
      }
    expect(open(await send('GET', '/api/v1/models/count'))).toBeUndefined()
  })
})

describe('what is not HTTP, or too much of it', () => {
  const status = (answer: string) => Number(/^HTTP\/1\.1 (\d{3})/.exec(answer)?.[1])
  const HOST = 'host: 127.0.0.1\r\n'

  it.each([
    ['nonsense', 'hello there\r\n\r\n', 400],
    ['a broken version', `GET / HTTP/9.9\r\n${HOST}\r\n`, 400],
    ['two lengths', `POST /v1/x HTTP/1.1\r\n${HOST}content-length: 1\r\ncontent-length: 2\r\n\r\nxx`, 400],
    [
      'a length and chunks',
      `POST /v1/x HTTP/1.1\r\n${HOST}content-length: 4\r\ntransfer-encoding: chunked\r\n\r\n0\r\n\r\n`,
      400,
    ],
    [
      'a broken chunk',
      `POST /v1/chat/completions HTTP/1.1\r\n${HOST}transfer-encoding: chunked\r\n\r\nzz\r\n`,
      400,
    ],
    ['a header without a name', `GET / HTTP/1.1\r\n${HOST}: x\r\n\r\n`, 400],
    ['a whole URL', `GET http://127.0.0.1/health HTTP/1.1\r\n${HOST}connection: close\r\n\r\n`, 400],
    [
      'a port out of range',
      'GET /health HTTP/1.1\r\nhost: 127.0.0.1:99999\r\nconnection: close\r\n\r\n',
      400,
    ],
    ['no Host in HTTP/1.0', 'GET /health HTTP/1.0\r\n\r\n', 403],
  ])('%s ends in %i', async (_, bytes, wanted) => {
    const answer = await raw(bytes)
    expect([status(answer), answer.includes('    at ')]).toEqual([wanted, false])
  })

  it('too many headers end in 431, with the limit', async () => {
    const bomb = Array.from({ length: 100 }, (_, n) => `x-bomb-${n}: ${'a'.repeat(200)}\r\n`).join('')
    const answer = await raw(`GET /health HTTP/1.1\r\n${HOST}${bomb}\r\n`)
    expect(status(answer)).toBe(431)
    expect(answer).toContain('larger than 16 KiB')
    expect(status(await raw(`GET /${'a'.repeat(20_000)} HTTP/1.1\r\n${HOST}\r\n`))).toBe(431)
  })

  it.each([
    '/api/v1/%',
    '/api/v1/models/%E0%A4%A/x/endpoints',
    '/api/v1/../../etc/passwd',
    '//evil.example/x',
    '/api/v1/models?max_price=%',
    '/api/v1/generation?id=../../x',
    '/api/v1/%00',
    '/api/v1//models',
  ])('%s is answered like any other mistake', async (path) => {
    const answer = await raw(
      `GET ${path} HTTP/1.1\r\n${HOST}authorization: Bearer ${gateway.key}\r\nconnection: close\r\n\r\n`,
    )
    expect(status(answer)).toBeGreaterThanOrEqual(200)
    expect(status(answer)).toBeLessThan(500)
  })

  it.each([
    ['nothing', '', 'has no body'],
    ['half of it', '{"model":"sim/echo","mess', 'not valid JSON'],
    ['a list', '[]', ''],
    ['a number', '7', ''],
    ['null', 'null', ''],
    ['70 levels', `{"a":${'['.repeat(70)}${']'.repeat(70)}}`, 'nested deeper than 64'],
  ])('%s for a body is 400', async (_, body, said) => {
    const answer = await send('POST', '/api/v1/chat/completions', bearer(gateway.key), body)
    expect(answer.status).toBe(400)
    expect(message(answer)).toContain(said)
    const managed = await send('POST', '/api/v1/keys', bearer(gateway.operatorKey), body)
    expect(managed.status).toBe(400)
  })

  it('a body over the limit is 413 before it is read', async () => {
    const head = `POST /v1/chat/completions HTTP/1.1\r\n${HOST}authorization: Bearer ${gateway.key}\r\n`
    const answer = await raw(`${head}content-length: ${33 * 1024 * 1024}\r\n\r\n{`)
    expect(status(answer)).toBe(413)
    expect(answer).toContain('32 MiB')
  })

  it('leaves the server well, and nothing of it in the log', async () => {
    expect((await send('GET', '/health')).body).toBe('{"status":"ok","version":"0.1.0"}')
    expect(JSON.parse((await send('GET', '/ready')).body)).toMatchObject({ status: 'ready' })
    expect(gateway.log()).toBe('')
  })
})
