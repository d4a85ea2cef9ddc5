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

const CHAT = { model: 'sim/echo', messages: [{ role: 'user', content: 'Hi' }] }

/** Base URLs as people type them into clients that add `/chat/completions` (or `/models`) themselves. */
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
  '/v1beta',
]

describe('a base URL', () => {
  it.each([...BASES, ''])('%s reaches chat completions', async (base) => {
    const answer = await ask(`${base}/chat/completions`.replace('//', '/'), CHAT)
    expect(answer.status).toBe(200)
    expect(await answer.json()).toMatchObject({ object: 'chat.completion', provider: 'Simulator' })
    expect((await ask(`${base}/chat/completions/?x=1`.replace('//', '/'), CHAT)).status).toBe(200)
  })

  it.each(BASES)('%s reaches the models', async (base) => {
    const answer = await fetch(`${gateway.url}${`${base}/models/count`.replace('//', '/')}`)
    expect(answer.status).toBe(200)
    expect(await answer.json()).toMatchObject({ data: { count: expect.any(Number) } })
  })

  it.each(['/v2/chat/completions', '/chat', '/api/v1/chat', '/completion'])(
    '%s is not guessed at: 404 with the address to use',
    async (path) => {
      const answer = await ask(path, CHAT)
      expect(answer.status).toBe(404)
      expect(((await answer.json()) as { error: { message: string } }).error.message).toContain(
        `${gateway.url}/api/v1/chat/completions`,
      )
    },
  )
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
