import { afterAll, beforeAll, describe, expect, it } from 'vitest'
import { INFERENCE_PATHS } from '../../src/http/path.ts'
import { SURFACES } from '../../src/http/v1/inference.ts'
import { NOT_SERVED } from '../../src/http/v1/not-yet.ts'
import { type RunningGateway, startGateway } from '../harness/gateway.ts'

let gateway: RunningGateway

beforeAll(async () => {
  gateway = await startGateway()
})

afterAll(() => gateway?.remove())

const ask = (path: string, body: object) =>
  fetch(`${gateway.url}${path}`, {
    method: 'POST',
    headers: { authorization: `Bearer ${gateway.key}`, 'content-type': 'application/json' },
    body: JSON.stringify(body),
  })

// biome-ignore lint/suspicious/noExplicitAny: JSON of many shapes, read as loosely as a script would
type Loose = Record<string, any>

const CHAT = { model: 'sim/echo', messages: [{ role: 'user', content: 'Hi' }] }

/** Base URLs as people type them into clients that add the path of their format themselves. */
const BASES = [
  '/api/v1',
  '/api/v1/',
  '/v1',
  '/v1/',
  '/openai/v1',
  '/openai',
  '/api',
  '/api/openai/v1',
  '/v1/v1',
  '/api/v1/v1',
  '/anthropic/v1',
  '/anthropic',
  '/api/anthropic',
  '/v1beta',
  '/api/v1beta',
  '/v1beta/openai',
  '/api/v1/cursor',
]

/** What each format's clients put behind the base, with a body that the simulator answers. */
const CALLS: readonly (readonly [path: string, body: object])[] = [
  ['/chat/completions', CHAT],
  ['/v1/chat/completions', CHAT],
  ['/responses', { model: 'sim/echo', input: 'Hi' }],
  ['/v1/messages', { ...CHAT, max_tokens: 16 }],
  ['/v1/messages/count_tokens', CHAT],
  ['/v1beta/models/sim/echo:generateContent', { contents: [{ parts: [{ text: 'Hi' }] }] }],
  ['/v1/models/sim/echo:generateContent', { contents: [{ parts: [{ text: 'Hi' }] }] }],
  ['/models/sim/echo:generateContent', { contents: [{ parts: [{ text: 'Hi' }] }] }],
  ['/completions', { model: 'sim/echo', prompt: 'Hi' }],
]

describe('a base URL', () => {
  it.each(BASES)('%s reaches every format, with slashes and queries as they come', async (base) => {
    for (const [path, body] of CALLS) {
      for (const url of [`${base}${path}`, `${base}${path}/?beta=true`.replace('//', '/')]) {
        if (path.includes(':') && url.includes('/?')) continue
        expect([url, (await ask(url, body)).status]).toEqual([url, 200])
      }
    }
  })

  it('of the host alone reaches what can only be meant so', async () => {
    for (const [path, body] of CALLS)
      if (!path.startsWith('/models')) expect([path, (await ask(path, body)).status]).toEqual([path, 200])
  })

  it.each(BASES)('%s reaches the models', async (base) => {
    const answer = await fetch(`${gateway.url}${base}/models/count`)
    expect(answer.status).toBe(200)
    expect(await answer.json()).toMatchObject({ data: { count: expect.any(Number) } })
  })

  it.each([
    ['/v2/chat/completions', '/chat/completions'],
    ['/chat', '/chat/completions'],
    ['/api/v1/chat', '/chat/completions'],
    ['/completion', '/completions'],
    ['/api/v1/message', '/messages'],
    ['/openai/deployments/gpt/chat/completions', '/chat/completions'],
  ])('%s is not guessed at: 404 with the address to use', async (path, meant) => {
    const answer = await ask(path, CHAT)
    expect(answer.status).toBe(404)
    const { message } = ((await answer.json()) as { error: { message: string } }).error
    expect(message).toContain(`You probably meant POST ${gateway.url}/api/v1${meant}.`)
    expect(message).toContain(`${gateway.url}/api/v1/chat/completions`)
  })

  it.each(['/', '/api', '/api/hello', '/api/v1'])(
    'an agent may look with HEAD whether %s is there',
    async (path) => {
      const answer = await fetch(`${gateway.url}${path}`, { method: 'HEAD' })
      expect(answer.status).toBeLessThan(500)
    },
  )
})

/** An error of each kind that is none of a model, in the shape that a client of each format reads. */
describe('an error beside inference', () => {
  const shapes = {
    anthropic: {
      headers: { 'anthropic-version': '2023-06-01' },
      at: (body: Loose) => [body['type'], body['error']?.type],
    },
    google: {
      headers: { 'x-goog-api-key': 'sk-wb-v1-wrong' },
      at: (body: Loose) => [body['error']?.code, body['error']?.status],
    },
    openai: { headers: {}, at: (body: Loose) => [body['error']?.code] },
  } as const
  const cases: readonly (readonly [
    string,
    string,
    string,
    Record<string, string>,
    Record<keyof typeof shapes, unknown[]>,
  ])[] = [
    [
      'a model that is not there',
      'GET',
      '/api/v1/models/no/such',
      {},
      { anthropic: ['error', 'not_found_error'], google: [404, 'NOT_FOUND'], openai: [404] },
    ],
    [
      'a wrong key',
      'GET',
      '/api/v1/key',
      { authorization: 'Bearer sk-wb-v1-wrong' },
      { anthropic: ['error', 'authentication_error'], google: [401, 'UNAUTHENTICATED'], openai: [401] },
    ],
    [
      'a path that is not there',
      'POST',
      '/api/v1/nowhere',
      {},
      { anthropic: ['error', 'not_found_error'], google: [404, 'NOT_FOUND'], openai: [404] },
    ],
    [
      'a method that is not there',
      'PUT',
      '/api/v1/models',
      {},
      { anthropic: ['error', 'invalid_request_error'], google: [405, 'INVALID_ARGUMENT'], openai: [405] },
    ],
    [
      'a gateway that calls itself',
      'GET',
      '/api/v1/models',
      { 'x-waybill-hop': '1' },
      { anthropic: ['error', 'api_error'], google: [508, 'INTERNAL'], openai: [508] },
    ],
  ]
  for (const [name, method, path, headers, wanted] of cases) {
    it.each(Object.entries(shapes))(`${name}, for %s`, async (format, shape) => {
      const answer = await fetch(`${gateway.url}${path}`, {
        method,
        headers: { ...shape.headers, ...headers },
      })
      expect(shape.at((await answer.json()) as Loose)).toEqual(wanted[format as keyof typeof shapes])
    })
  }

  it('is told by the path where no header tells: a body that is too large', async () => {
    const tooLarge = async (path: string): Promise<Loose> => {
      const body = new Uint8Array(33 * 1024 * 1024)
      const headers = { authorization: `Bearer ${gateway.key}` }
      return (
        await fetch(`${gateway.url}${path}`, { method: 'POST', headers, body })
      ).json() as Promise<Loose>
    }
    expect(await tooLarge('/api/v1/messages')).toMatchObject({ type: 'error' })
    expect(await tooLarge('/api/v1/models/a/b:generateContent')).toMatchObject({
      error: { code: 413, status: 'INVALID_ARGUMENT' },
    })
    expect(await tooLarge('/api/v1/chat/completions')).toMatchObject({ error: { code: 413 } })
  })

  it('is told by the prefix where nothing else tells', async () => {
    const get = async (path: string) => (await fetch(`${gateway.url}${path}`)).json() as Promise<Loose>
    expect(await get('/v1beta/models/no/such')).toMatchObject({ error: { status: 'NOT_FOUND' } })
    expect(await get('/anthropic/v1/models/no/such')).toMatchObject({ type: 'error' })
    expect(await get('/v1beta/models?pageSize=1')).toMatchObject({ models: [{ name: expect.any(String) }] })
    expect(await get('/anthropic/v1/models?limit=1')).toMatchObject({ data: [{ type: 'model' }] })
  })
})

describe('an inference path', () => {
  it('is served or says that it is not, never both, never neither', () => {
    // Google's paths hold the model and are told by their verb.
    const fixed = Object.keys(SURFACES).filter((path) => !path.includes('{'))
    for (const path of fixed) expect([path, INFERENCE_PATHS.has(path)]).toEqual([path, true])
    for (const path of Object.keys(NOT_SERVED)) {
      expect([path, INFERENCE_PATHS.has(path)]).toEqual([path, true])
      expect([path, path in SURFACES]).toEqual([path, false])
    }
  })

  it.each(Object.entries(SURFACES))('%s answers an empty object in its own words', async (path, surface) => {
    const answer = await ask(`/api/v1${path.replace('{id}', 'sim/echo')}`, {})
    expect(answer.status).toBe(400)
    const body = (await answer.json()) as { error: { message: string } }
    expect(body.error.message.length).toBeGreaterThan(10)
    expect(surface.name).toMatch(/^[a-z-]+$/)
  })
})
