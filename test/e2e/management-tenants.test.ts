import { afterAll, beforeAll, describe, expect, it } from 'vitest'
import { ROUTES } from '../../src/app.ts'
import { KeyBook, NO_POLICY, NO_RATES } from '../../src/identity/index.ts'
import { systemClock } from '../../src/lib/index.ts'
import { openStore } from '../../src/store/index.ts'
import { type RunningGateway, startGateway } from '../harness/gateway.ts'
import { chat, type FakeUpstream, fakeUpstream } from '../upstream/index.ts'

const MODEL = 'test/model'

let upstream: FakeUpstream
let gateway: RunningGateway
/** Management keys of two organizations. */
let ours: string
let theirs: string
/** Ids of things of our organization, by the name of the parameter in the path. */
let things: Record<string, string>

beforeAll(async () => {
  upstream = await fakeUpstream({ script: chat(['Hello']) })
  gateway = await startGateway({
    config: `
credits: unlimited
providers:
  alpha:
    dialect: openai-chat
    base_url: "${upstream.url}/v1"
    api_key: key-of-alpha
    models: [{ id: ${MODEL}, context_length: 131072, max_output: 1000, price: { prompt: "1", completion: "2" } }]
`,
  })
  await gateway.stop()
  theirs = await otherOrganization(gateway.dataDir)
  gateway = await gateway.restart()
  ours = (await gateway.call('POST', '/keys', { name: 'ours', management: true }, gateway.operatorKey)).body
    .key
  const as = (method: string, path: string, body?: unknown) => gateway.call(method, path, body, ours)
  const call = await gateway.call('POST', '/chat/completions', {
    model: MODEL,
    messages: [{ role: 'user', content: 'Hi' }],
  })
  const budget = { scope: 'organization', limit_usd: 1_000 }
  things = {
    generation: call.body.id,
    hash: (await as('POST', '/keys', { name: 'target' })).body.data.hash,
    workspace: (await as('POST', '/workspaces', { name: 'Ours', slug: 'ours' })).body.data.id,
    member: (await as('POST', '/organization/members', { email: 'us@example.org' })).body.data.id,
    budget: (await as('PUT', '/budgets', budget)).body.data.id,
  }
})

afterAll(async () => {
  await gateway?.remove()
  await upstream?.close()
})

/** A second organization with a management key, written while no server runs. */
async function otherOrganization(dataDir: string): Promise<string> {
  const store = await openStore({ dataDir, clock: systemClock })
  const at = BigInt(Date.now())
  await store.db
    .insertInto('organizations')
    .values({ id: 'other', name: 'Other', credits: 'default', created_at: at })
    .execute()
  await store.db
    .insertInto('workspaces')
    .values({
      id: 'f7c0f0a8-1111-4222-8333-444455556666',
      organization_id: 'other',
      slug: 'default',
      name: 'Default',
      created_at: at,
      description: null,
      created_by: null,
      updated_at: null,
      deleted_at: null,
    })
    .execute()
  const keys = await KeyBook.open(store, systemClock)
  const { secret } = await keys.create({
    name: 'theirs',
    kind: 'management',
    organizationId: 'other',
    workspaceId: 'f7c0f0a8-1111-4222-8333-444455556666',
    creatorUserId: null,
    limitNanos: null,
    limitReset: null,
    includeByokInLimit: false,
    expiresAt: null,
    rates: NO_RATES,
    policy: NO_POLICY,
  })
  await store.close()
  return secret
}

const strange = (method: string, path: string, body?: unknown) => gateway.call(method, path, body, theirs)

describe('another organization', () => {
  it('sees none of our lists', async () => {
    for (const path of ['/keys?workspace_id=*&include_disabled=true', '/workspaces', '/organization/members'])
      expect(JSON.stringify((await strange('GET', path)).body)).not.toMatch(
        new RegExp(Object.values(things).join('|')),
      )
    expect((await strange('GET', '/budgets')).body.data).toEqual([])
    expect((await strange('GET', '/generation/feedback')).body.data).toEqual([])
    const today = new Date().toISOString().slice(0, 10)
    expect((await strange('GET', `/activity?date=${today}`)).body.data).toEqual([])
    const sums = await strange('POST', '/analytics/query', { metrics: ['request_count', 'total_usage'] })
    expect(sums.body.data.data).toEqual([{ request_count: 0, total_usage: 0 }])
    expect((await strange('GET', '/credits')).body.data).toEqual({ total_credits: 0, total_usage: 0 })
  })

  it('finds nothing of ours by its id, on any route of administration', async () => {
    const tried: string[] = []
    for (const [method, path, access] of ROUTES) {
      if (access !== 'management' || !path.includes(':')) continue
      const id = path.startsWith('/workspaces')
        ? things['workspace']
        : path.startsWith('/organization')
          ? things['member']
          : path.startsWith('/budgets')
            ? things['budget']
            : things['hash']
      const url = path.replace(/:(id|hash)/, id!).replace(':interval', 'daily')
      const body = path.includes('/members/')
        ? { user_ids: [things['member']] }
        : path.includes('/budgets/')
          ? { limit_usd: 1 }
          : {}
      const { status } = await strange(method, url, method === 'GET' ? undefined : body)
      tried.push(`${method} ${path}`)
      expect([method, path, status]).toEqual([method, path, 404])
    }
    expect(tried.length).toBeGreaterThan(15)
  })

  it('reads no call of ours, says nothing of it, and puts no key or budget into our workspaces', async () => {
    const id = things['generation']
    for (const path of [`/generation?id=${id}`, `/generation/content?id=${id}`, `/waybills/${id}`])
      expect((await strange('GET', path)).status).toBe(404)
    const feedback = { generation_id: id, category: 'other' }
    expect((await strange('POST', '/generation/feedback', feedback)).status).toBe(404)
    const workspace_id = things['workspace']
    expect((await strange('POST', '/keys', { name: 'x', workspace_id })).status).toBe(404)
    expect((await strange('GET', `/keys?workspace_id=${workspace_id}`)).status).toBe(404)
    expect((await strange('GET', `/activity?workspace_id=${workspace_id}`)).status).toBe(404)
    for (const scope of ['workspace', 'organization'])
      expect(
        [403, 404].includes(
          (
            await strange('PUT', '/budgets', {
              scope,
              scope_id: scope === 'workspace' ? workspace_id : 'default',
              limit_usd: 1,
            })
          ).status,
        ),
      ).toBe(true)
  })

  it('cannot name its organization: fields that a caller may not set are refused', async () => {
    for (const [path, body] of [
      ['/keys', { name: 'x', organization_id: 'default' }],
      ['/workspaces', { name: 'x', slug: 'x', organization_id: 'default' }],
      ['/organization/members', { email: 'x@example.org', organization_id: 'default' }],
      ['/generation/feedback', { generation_id: 'x', category: 'other', organization_id: 'default' }],
    ] as const)
      expect([path, (await strange('POST', path, body)).status]).toEqual([path, 400])
  })
})
