import { HTTPClient, OpenRouter } from '@openrouter/sdk'
import { afterAll, beforeAll, describe, expect, it } from 'vitest'
import { operationsOf } from '../../scripts/sdk-operations.ts'
import { type RunningGateway, startGateway } from '../harness/gateway.ts'
import { chat, embeddings, type FakeUpstream, fakeUpstream } from '../upstream/index.ts'

const MODEL = 'test/model'

let upstream: FakeUpstream
let embedder: FakeUpstream
let gateway: RunningGateway
let admin: OpenRouter
let call: string

beforeAll(async () => {
  upstream = await fakeUpstream({ script: chat(['Hello']) })
  embedder = await fakeUpstream({ script: embeddings(9) })
  gateway = await startGateway({
    config: `
credits: unlimited
providers:
  alpha:
    dialect: openai-chat
    base_url: "${upstream.url}/v1"
    api_key: key-of-alpha
    models:
      - { id: ${MODEL}, context_length: 131072, max_output: 1000, price: { prompt: "1", completion: "2" }, capabilities: [tools] }
  beta:
    dialect: openai-chat
    base_url: "${embedder.url}/v1"
    api_key: key-of-beta
    models: [{ id: test/embed, context_length: 100, price: { prompt: "1", completion: "0" }, capabilities: [embeddings] }]
`,
  })
  const made = await gateway.call('POST', '/keys', { name: 'admin', management: true }, gateway.operatorKey)
  admin = sdk(made.body.key)
  const reply = await gateway.call('POST', '/chat/completions', {
    model: MODEL,
    messages: [{ role: 'user', content: 'Hi' }],
  })
  call = reply.body.id
})

afterAll(async () => {
  await gateway?.remove()
  await upstream?.close()
  await embedder?.close()
})

/** Method and path of every answer that was good, as it came. */
const answered: string[] = []

function sdk(apiKey: string): OpenRouter {
  const httpClient = new HTTPClient({
    fetcher: async (input, init) => {
      const request = new Request(input, init)
      const response = await fetch(request)
      if (response.ok) answered.push(`${request.method} ${new URL(request.url).pathname}`)
      return response
    },
  })
  const serverURL = `${gateway.url}/api/v1`
  return new OpenRouter({ apiKey, serverURL, httpClient, retryConfig: { strategy: 'none' } })
}

/** All that the pages of a list hold. */
async function every<T>(pages: Promise<AsyncIterable<{ result: { data: T[] } }>>): Promise<T[]> {
  const all: T[] = []
  for await (const { result } of await pages) all.push(...result.data)
  return all
}

const failure = (work: Promise<unknown>) => work.then(() => undefined).catch((error) => error)

describe('the official @openrouter/sdk administers an organization:', () => {
  it('keys, from their making to their end', async () => {
    const made = await admin.apiKeys.create({
      requestBody: {
        name: 'tool',
        limit: 5,
        limitReset: 'daily',
        expiresAt: new Date('2030-01-01T00:00:00Z'),
      },
    })
    const { hash } = made.data
    expect(made.key).toMatch(/^sk-wb-v1-/)
    expect((await admin.apiKeys.list({})).data.some((key) => key.hash === hash)).toBe(true)
    expect((await admin.apiKeys.get({ hash })).data).toMatchObject({ name: 'tool', limit: 5 })
    const changed = await admin.apiKeys.update({ hash, requestBody: { name: 'tools', limit: null } })
    expect(changed.data).toMatchObject({ name: 'tools', limit: null })
    expect((await sdk(made.key).apiKeys.getCurrentKeyMetadata()).data.label).toBe(made.data.label)
    expect(await admin.apiKeys.delete({ hash })).toEqual({ deleted: true })
    expect((await failure(admin.apiKeys.get({ hash }))).statusCode).toBe(404)
    expect((await failure(sdk(made.key).apiKeys.getCurrentKeyMetadata())).statusCode).toBe(401)
  })

  it('workspaces, their members and their budgets', async () => {
    const { data: made } = await admin.workspaces.create({
      createWorkspaceRequest: { name: 'Research', slug: 'research', description: 'Trying things' },
    })
    expect((await every(admin.workspaces.list({}))).map(({ slug }) => slug)).toEqual(['default', 'research'])
    expect((await admin.workspaces.get({ id: 'research' })).data.id).toBe(made.id)
    const { data: renamed } = await admin.workspaces.update({
      id: made.id,
      updateWorkspaceRequest: { name: 'Lab' },
    })
    expect(renamed).toMatchObject({ name: 'Lab', slug: 'research' })

    const joined = await gateway.call(
      'POST',
      '/organization/members',
      { email: 'Ada@example.org', first_name: 'Ada' },
      gateway.operatorKey,
    )
    expect(await every(admin.organization.listMembers({}))).toEqual([
      {
        id: joined.body.data.id,
        email: 'ada@example.org',
        firstName: 'Ada',
        lastName: null,
        role: 'org:member',
      },
    ])
    const people = { userIds: [joined.body.data.id as string] }
    const added = await admin.workspaces.bulkAddMembers({
      id: made.id,
      bulkAddWorkspaceMembersRequest: people,
    })
    expect(added).toMatchObject({ addedCount: 1, data: [{ workspaceId: made.id, role: 'member' }] })
    expect(await every(admin.workspaces.listMembers({ id: made.id }))).toHaveLength(1)
    expect(
      await admin.workspaces.bulkRemoveMembers({ id: made.id, bulkRemoveWorkspaceMembersRequest: people }),
    ).toEqual({ removedCount: 1 })

    const budget = { workspaceRef: made.id, interval: 'monthly' as const }
    const set = await admin.workspaces.setBudget({
      ...budget,
      upsertWorkspaceBudgetRequest: { limitUsd: 12.5 },
    })
    expect(set.data).toMatchObject({ limitUsd: 12.5, resetInterval: 'monthly', workspaceId: made.id })
    expect((await admin.workspaces.getBudget(budget)).data.limitUsd).toBe(12.5)
    expect((await admin.workspaces.listBudgets({ workspaceRef: 'research' })).data).toHaveLength(1)
    expect(await admin.workspaces.deleteBudget(budget)).toEqual({ deleted: true })
    expect(await admin.workspaces.delete({ id: made.id })).toEqual({ deleted: true })
  })

  it('credits, usage and calls', async () => {
    expect((await admin.credits.getCredits()).data.totalUsage).toBeGreaterThan(0)
    const today = new Date().toISOString().slice(0, 10)
    const activity = await admin.analytics.getUserActivity({ date: today, groupBy: 'workspace' })
    expect(activity.data).toMatchObject([{ date: today, model: MODEL, providerName: 'alpha', requests: 1 }])
    expect((await admin.analytics.getUserActivity({})).data).toEqual([])
    const meta = await admin.analytics.getAnalyticsMeta()
    expect(meta.data.metrics.map(({ name }) => name)).toContain('total_usage')
    const answer = await admin.analytics.queryAnalytics({
      requestBody: {
        metrics: ['request_count', 'total_usage', 'p50_latency'],
        dimensions: ['model'],
        granularity: 'day',
        filters: [{ field: 'model', operator: 'in', value: [MODEL] }],
        orderBy: { field: 'total_usage', direction: 'desc' },
        timeRange: { start: new Date(Date.now() - 86_400_000), end: new Date(Date.now() + 1_000) },
      },
    })
    expect(answer.data.metadata).toMatchObject({ rowCount: 1, truncated: false })
    // The client knows no columns of rows and leaves them out.
    expect(answer.data.data).toHaveLength(1)
    expect((await admin.generations.getGeneration({ id: call })).data.workspaceId).toMatch(/^0{8}-/)
    const feedback = { generationId: call, category: 'latency' as const, comment: 'slow' }
    expect(await admin.generations.submitFeedback({ submitGenerationFeedbackRequest: feedback })).toEqual({
      data: { success: true },
    })
    const content = await failure(admin.generations.listGenerationContent({ id: call }))
    expect([content.statusCode, content.message]).toEqual([404, expect.stringContaining('never stored')])
  })

  it('the catalog', async () => {
    expect((await every(admin.models.list({}))).length).toBeGreaterThan(100)
    expect((await every(admin.models.listForUser({ bearer: gateway.key }))).map(({ id }) => id)).toContain(
      MODEL,
    )
    expect((await admin.models.count({})).data.count).toBeGreaterThan(100)
    expect((await admin.models.get({ author: 'test', slug: 'model' })).data.id).toBe(MODEL)
    expect((await admin.endpoints.list({ author: 'test', slug: 'model' })).data.endpoints).toHaveLength(1)
    expect((await admin.endpoints.listZdrEndpoints()).data).toBeInstanceOf(Array)
    expect((await admin.providers.list()).data.length).toBeGreaterThan(30)
    expect((await every(admin.embeddings.listModels({}))).length).toBeGreaterThan(0)
  })

  it('presets', async () => {
    const user = sdk(gateway.key)
    const saved = { slug: 'short', chatRequest: { model: MODEL, messages: [], maxTokens: 5 } }
    await user.presets.createPresetsChatCompletions(saved as never)
    const messagesRequest = {
      model: MODEL,
      messages: [{ role: 'user' as const, content: 'x' }],
      maxTokens: 5,
    }
    await user.presets.createPresetsMessages({ slug: 'short', messagesRequest })
    await user.presets.createPresetsResponses({
      slug: 'short',
      responsesRequest: { model: MODEL, input: 'x', maxOutputTokens: 5 },
    })
    expect((await every(user.presets.list({}))).map(({ slug }) => slug)).toEqual(['short'])
    expect((await user.presets.get({ slug: 'short' })).data?.slug).toBe('short')
    expect(await every(user.presets.listVersions({ slug: 'short' }))).toHaveLength(3)
    expect((await user.presets.getVersion({ slug: 'short', version: '1' })).data?.version).toBe(1)
  })
})

describe('the official @openrouter/sdk calls models:', () => {
  it('chat, responses and embeddings', async () => {
    const user = sdk(gateway.key)
    const messages = [{ role: 'user' as const, content: 'Hi' }]
    const reply = await user.chat.send({ chatRequest: { model: MODEL, messages, stream: false } })
    expect(reply).toMatchObject({ choices: [{ message: { content: 'Hello' } }] })
    const response = await user.responses.send({ responsesRequest: { model: MODEL, input: 'Hi' } })
    expect(response).toMatchObject({ status: 'completed' })
    const vectors = await user.embeddings.generate({
      requestBody: { model: 'test/embed', input: ['one', 'two'] },
    })
    expect(vectors).toMatchObject({ data: [{ index: 0 }, { index: 1 }] })
  })
})

describe('every operation of @openrouter/sdk', () => {
  const operations = operationsOf()

  it('is known', () => {
    expect(operations.length).toBeGreaterThan(100)
  })

  it('is served or answers 501 with a sentence, by its own method', async () => {
    const unserved = operations.filter(({ served }) => !served)
    for (const { method, path } of unserved) {
      const url = path.startsWith('/api/') ? `${gateway.url}${path}` : `${gateway.url}/api/v1${path}`
      const response = await fetch(url.replaceAll(/\{\w+\}/g, 'x'), {
        method,
        headers: { authorization: `Bearer ${gateway.key}` },
      })
      const body = (await response.json()) as { error: { message: string } }
      expect([method, path, response.status]).toEqual([method, path, 501])
      expect(body.error.message).toMatch(/is not served|are not served/)
    }
  })

  it('that is served has been called above, and the client has read the answer', () => {
    // There is no content to be had, and the client says so.
    const refused = ['/generation/content']
    const uncalled = operations.filter(({ method, path, served }) => {
      const form = new RegExp(`^${method} /api/v1${path.replaceAll(/\{\w+\}/g, '[^/]+')}$`)
      return served && !refused.includes(path) && !answered.some((one) => form.test(one))
    })
    expect(uncalled).toEqual([])
  })
})
