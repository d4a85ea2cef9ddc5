import { createServer, type Server } from 'node:http'
import type { AddressInfo } from 'node:net'
import { OpenRouter } from '@openrouter/sdk'
import { afterAll, beforeAll, expect, test } from 'vitest'
import { type ConfiguredModel, createCatalog, loadSeed, withConfigured } from '../../catalog/index.ts'
import { GatewayError } from '../../chat/index.ts'
import { providers } from '../../providers/index.ts'
import { endpointsBody } from './endpoints.ts'
import { oneModelBody } from './model.ts'
import { modelsBody } from './models.ts'
import { modelsCountBody } from './models-count.ts'
import { providersBody } from './providers.ts'

// The official client refuses answers that miss a key or have a wrong type: what it reads is in OpenRouter's shape.

const local: ConfiguredModel = {
  providerId: 'my-vllm',
  providerName: 'my-vllm',
  dialect: 'openai-chat',
  id: 'me/own-model',
  upstreamId: 'own',
  contextLength: null,
  maxOutput: null,
  tariff: null,
  free: false,
  capabilities: ['tools'],
}
const seed = loadSeed()
const catalog = withConfigured(createCatalog(seed, seed.version), [local])
const figures = { p50: 1.5, p75: 2, p90: 3, p99: 4 }
const live = {
  authenticated: true,
  nowSeconds: Math.floor(Date.now() / 1000),
  stats: () => ({
    uptime_last_5m: null,
    uptime_last_30m: 99.5,
    uptime_last_1d: 100,
    latency_last_30m: figures,
    throughput_last_30m: figures,
  }),
}

function answer(url: URL): unknown {
  const [, , , kind = '', author = '', slug = '', tail] = url.pathname.split('/').map(decodeURIComponent)
  if (kind === 'providers') return providersBody(providers, catalog.endpoints)
  if (kind === 'model') return oneModelBody(catalog, author, slug)
  if (author === 'count') return modelsCountBody(catalog, url.searchParams)
  if (tail === 'endpoints') return endpointsBody(catalog, author, slug, live)
  return modelsBody(catalog, url.searchParams, live).body
}

let server: Server
let client: OpenRouter

beforeAll(async () => {
  server = createServer((request, response) => {
    response.setHeader('content-type', 'application/json')
    try {
      response.end(JSON.stringify(answer(new URL(request.url ?? '/', 'http://localhost'))))
    } catch (error) {
      const known = error instanceof GatewayError
      response.statusCode = known ? error.status : 500
      response.end(JSON.stringify({ error: { code: response.statusCode, message: String(error) } }))
    }
  })
  await new Promise<void>((resolve) => server.listen(0, '127.0.0.1', resolve))
  const { port } = server.address() as AddressInfo
  client = new OpenRouter({ apiKey: 'test', serverURL: `http://127.0.0.1:${port}/api/v1` })
})

afterAll(() => {
  server.closeAllConnections()
  server.close()
})

test('the official client reads every model, page by page', async () => {
  const seen: string[] = []
  for await (const page of await client.models.list({ limit: 200, offset: 0, outputModalities: 'all' })) {
    seen.push(...page.result.data.map(({ id }) => id))
  }
  expect(new Set(seen).size).toBe(catalog.models.length)
  expect(seen).toHaveLength(catalog.models.length)
})

test('the official client reads the endpoints of every model', async () => {
  for (const { id } of catalog.models.filter((_, index) => index % 12 === 0)) {
    const [author = '', slug = ''] = id.split('/')
    const { data } = await client.endpoints.list({ author, slug })
    expect(data.id).toBe(id)
    expect(data.endpoints.length).toBeGreaterThan(0)
  }
  const { data } = await client.endpoints.list({ author: 'me', slug: 'own-model' })
  expect(data.endpoints[0]).toMatchObject({ providerName: 'my-vllm', pricing: { prompt: '-1' } })
})

test('the official client reads one model, the count and the providers', async () => {
  expect((await client.models.get({ author: 'openai', slug: 'gpt-5.1:nitro' })).data.id).toBe(
    'openai/gpt-5.1',
  )
  expect((await client.models.count()).data.count).toBe(catalog.models.length)
  const { data } = await client.providers.list()
  expect(data.length).toBeGreaterThanOrEqual(50)
  expect(data.map(({ slug }) => slug)).toContain('my-vllm')
})

test('the official client is told that a model is unknown', async () => {
  await expect(client.endpoints.list({ author: 'nobody', slug: 'nothing' })).rejects.toMatchObject({
    statusCode: 404,
  })
})
