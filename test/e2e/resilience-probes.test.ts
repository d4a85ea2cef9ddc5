import { afterEach, beforeEach, describe, expect, it, vi } from 'vitest'
import { type RunningGateway, startGateway } from '../harness/gateway.ts'
import { chatReply, type FakeUpstream, fakeUpstream, json } from '../upstream/index.ts'
import { topUp } from './rig/books.ts'
import { ask } from './rig/client.ts'
import { configOf, MODEL } from './rig/provider.ts'

vi.setConfig({ testTimeout: 60_000 })

const hello = { model: MODEL, messages: [{ role: 'user', content: 'hi' }], max_tokens: 10 }

let cheap: FakeUpstream
let dear: FakeUpstream
let gateway: RunningGateway
let keyWorks: boolean

/** A provider that lists models and answers as long as its key works. */
const answering = (text: string, works: () => boolean) =>
  fakeUpstream({
    script: ({ path }) => {
      if (!works()) return json(401, { error: { message: 'Incorrect API key provided' } })
      return path === '/v1/models' ? json(200, { data: [{ id: 'upstream-model' }] }) : chatReply(text)
    },
  })

/** Requests for answers, which a probe is not. */
const asked = (upstream: FakeUpstream) => upstream.requests.filter(({ method }) => method === 'POST').length

const servedBy = async () => /"provider":"(\w+)"/.exec((await ask(gateway, hello)).text)?.[1]

const refused = async () => {
  const { body } = await gateway.call('GET', '/admin/status', undefined, gateway.operatorKey)
  return body.data.refused_credentials as { id: string; code: string }[]
}

beforeEach(async () => {
  keyWorks = true
  cheap = await answering('cheap', () => keyWorks)
  dear = await answering('dear', () => true)
  gateway = await startGateway({
    config: configOf(
      [
        { id: 'cheap', url: cheap.url, prompt: '0.001', completion: '0.001' },
        { id: 'dear', url: dear.url },
      ],
      'probes: 1s\n',
    ),
  })
  await topUp(gateway, 100)
})

afterEach(async () => {
  await gateway.remove()
  await cheap.close()
  await dear.close()
})

describe('probes', () => {
  it('leave a revoked key alone before a request meets it, say so, and take it back when it works', async () => {
    expect(await servedBy()).toBe('cheap')
    keyWorks = false
    await expect.poll(refused, { timeout: 10_000 }).toMatchObject([{ code: 'provider_auth' }])
    expect(gateway.log()).toContain('a provider refused its key')
    expect(gateway.log()).not.toContain('key-of-cheap')
    const before = asked(cheap)
    for (let n = 0; n < 5; n++) expect(await servedBy()).toBe('dear')
    expect(asked(cheap)).toBe(before)
    keyWorks = true
    await expect.poll(refused, { timeout: 10_000 }).toEqual([])
    expect(await servedBy()).toBe('cheap')
  })

  it('avoid a provider that is away, and try it at once when it is back', async () => {
    await cheap.kill()
    await expect.poll(() => gateway.log(), { timeout: 10_000 }).toContain('an endpoint fails')
    const { body } = await gateway.call('POST', '/chat/completions', hello, gateway.key)
    expect(body.choices[0].message.content).toBe('dear')
    const { body: generation } = await gateway.call(
      'GET',
      `/generation?id=${body.id}`,
      undefined,
      gateway.key,
    )
    expect(generation.data.provider_responses ?? []).toHaveLength(1)
    await cheap.revive()
    const back = performance.now()
    while ((await servedBy()) !== 'cheap' && performance.now() - back < 10_000) {}
    expect(performance.now() - back).toBeLessThan(8_000)
  })
})
