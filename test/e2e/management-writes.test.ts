import { readdirSync, readFileSync } from 'node:fs'
import { join } from 'node:path'
import { afterAll, beforeAll, describe, expect, it } from 'vitest'
import { type Called, type RunningGateway, startGateway } from '../harness/gateway.ts'
import { chat, type FakeUpstream, fakeUpstream } from '../upstream/index.ts'

const MODEL = 'test/model'
const FIRST = '00000000-0000-8000-8000-000000000001'

let upstream: FakeUpstream
let gateway: RunningGateway
let admin: string

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
    models:
      - { id: ${MODEL}, context_length: 131072, max_output: 1000, price: { prompt: "1", completion: "2" }, capabilities: [tools] }
`,
  })
  admin = await keyOf({ name: 'admin', management: true }, gateway.operatorKey)
})

afterAll(async () => {
  await gateway?.remove()
  await upstream?.close()
})

const api = (method: string, path: string, body?: unknown, key = admin): Promise<Called> =>
  gateway.call(method, path, body, key)

async function keyOf(body: object, as = admin): Promise<string> {
  const made = await api('POST', '/keys', body, as)
  expect(made.status).toBe(201)
  return made.body.key
}

async function made(body: object): Promise<{ hash: string; key: string }> {
  const { body: answer } = await api('POST', '/keys', body)
  return { hash: answer.data.hash, key: answer.key }
}

const ask = (key: string) =>
  api(
    'POST',
    '/chat/completions',
    { model: MODEL, messages: [{ role: 'user', content: 'Hi' }], max_tokens: 5 },
    key,
  )

const refusal = ({ status, body }: Called) => [status, body.error.message]

describe('a deleted key', () => {
  it('answers 401, is gone from lists, and keeps its history', async () => {
    const key = await made({ name: 'gone', limit: 1 })
    const call = await ask(key.key)
    expect(call.status).toBe(200)
    expect((await api('DELETE', `/keys/${key.hash}`)).body).toEqual({ deleted: true })
    expect(refusal(await ask(key.key))).toEqual([401, expect.stringContaining('was deleted')])
    const listed = await api('GET', '/keys?include_disabled=true')
    expect(listed.body.data.map(({ hash }: { hash: string }) => hash)).not.toContain(key.hash)
    for (const [method, path, body] of [
      ['GET', '', undefined],
      ['PATCH', '', { disabled: false }],
      ['POST', '/rotate', {}],
      ['DELETE', '', undefined],
    ] as const)
      expect((await api(method, `/keys/${key.hash}${path}`, body)).status).toBe(404)
    const kept = await api('GET', `/generation?id=${call.body.id}`)
    expect(kept.body.data.total_cost).toBeGreaterThan(0)
    const today = new Date().toISOString().slice(0, 10)
    const activity = await api('GET', `/activity?date=${today}&api_key_hash=${key.hash}`)
    expect(activity.body.data).toMatchObject([{ requests: 1, usage: kept.body.data.total_cost }])
  })

  it('told when and by which app it was last used', async () => {
    const key = await made({ name: 'used' })
    expect((await api('GET', `/keys/${key.hash}`)).body.data).toMatchObject({
      last_used_at: null,
      last_used_by: null,
    })
    const before = new Date().toISOString()
    await fetch(`${gateway.url}/api/v1/chat/completions`, {
      method: 'POST',
      headers: { authorization: `Bearer ${key.key}`, 'x-title': 'Notebook' },
      body: JSON.stringify({ model: MODEL, messages: [{ role: 'user', content: 'Hi' }] }),
    }).then((response) => response.text())
    const { data } = (await api('GET', `/keys/${key.hash}`)).body
    expect([data.last_used_by, data.last_used_at >= before]).toEqual(['Notebook', true])
    const listed = (await api('GET', '/keys')).body.data
    expect(listed.find(({ hash }: { hash: string }) => hash === key.hash).last_used_at).toBe(
      data.last_used_at,
    )
  })

  it('stays deleted after a restart', async () => {
    const key = await made({ name: 'gone too' })
    await api('DELETE', `/keys/${key.hash}`)
    const { url, operatorKey } = gateway
    gateway = await gateway.restart()
    expect([url === gateway.url, operatorKey === gateway.operatorKey]).toEqual([false, false])
    expect(refusal(await ask(key.key))).toEqual([401, expect.stringContaining('was deleted')])
  })

  it('does not refill the cap of its successor', async () => {
    const first = await made({ name: 'line', limit: '0.0000001' })
    const next = await api('POST', `/keys/${first.hash}/rotate`, {})
    await api('DELETE', `/keys/${first.hash}`)
    gateway = await gateway.restart()
    expect((await ask(next.body.key)).status).toBe(402)
  })
})

describe('a key hands on no more than it holds:', () => {
  it('neither a larger limit, nor a longer life, nor by a later change', async () => {
    const small = await keyOf({
      name: 'small',
      management: true,
      limit: 10,
      limit_reset: 'weekly',
      expires_at: '2031-01-01T00:00:00Z',
    })
    const create = (body: object) => api('POST', '/keys', { name: 'x', ...body }, small)
    expect((await create({})).status).toBe(403)
    expect((await create({ limit: 11 })).status).toBe(403)
    expect((await create({ limit: 1, limit_reset: 'daily' })).status).toBe(403)
    expect((await create({ limit: 1, management: true })).status).toBe(403)
    const good = await create({ limit: 10, limit_reset: 'monthly' })
    expect(good.status).toBe(201)
    const change = (body: object) => api('PATCH', `/keys/${good.body.data.hash}`, body, small)
    expect((await change({ limit: null })).status).toBe(403)
    expect((await change({ name: 'y', expires_at: '2030-01-01T00:00:00Z' })).body.data).toMatchObject({
      name: 'y',
      expires_at: '2030-01-01T00:00:00.000Z',
    })
  })

  it('nor the secret of a key that holds more, by rotating it', async () => {
    const short = await keyOf({ name: 'short', management: true, expires_at: '2031-01-01T00:00:00Z' })
    const long = await made({ name: 'long', management: true })
    expect((await api('POST', `/keys/${long.hash}/rotate`, {}, short)).status).toBe(403)
    const plain = await made({ name: 'plain' })
    expect((await api('POST', `/keys/${plain.hash}/rotate`, {}, short)).status).toBe(201)
  })

  it('nor a workspace that is not of its organization', async () => {
    expect(refusal(await api('POST', '/keys', { name: 'x', workspace_id: 'elsewhere' }))).toEqual([
      404,
      expect.stringContaining('no workspace "elsewhere"'),
    ])
  })
})

describe('a workspace', () => {
  it('has keys of its own, and is not deleted while they work', async () => {
    const workspace = (await api('POST', '/workspaces', { name: 'Team', slug: 'team' })).body.data
    expect(refusal(await api('POST', '/workspaces', { name: 'Team', slug: 'team' }))).toEqual([
      400,
      expect.stringContaining('taken'),
    ])
    const key = await made({ name: 'of the team', workspace_id: workspace.id })
    const hashes = async (query: string) =>
      (await api('GET', `/keys${query}`)).body.data.map(({ hash }: { hash: string }) => hash)
    expect(await hashes(`?workspace_id=${workspace.id}`)).toEqual([key.hash])
    expect(await hashes('?workspace_id=team')).toEqual([key.hash])
    expect(await hashes('')).not.toContain(key.hash)
    expect(await hashes('?workspace_id=*')).toContain(key.hash)
    expect((await api('GET', '/key', undefined, key.key)).body.data.workspace_id).toBe(workspace.id)
    expect(refusal(await api('DELETE', '/workspaces/team'))).toEqual([
      400,
      expect.stringContaining('1 active key.'),
    ])
    await api('PATCH', `/keys/${key.hash}`, { disabled: true })
    expect((await api('DELETE', '/workspaces/team')).body).toEqual({ deleted: true })
    expect((await api('GET', `/workspaces/${workspace.id}`)).status).toBe(404)
    expect((await api('PATCH', `/keys/${key.hash}`, { disabled: false })).status).toBe(404)
    expect((await api('POST', '/workspaces', { name: 'Team', slug: 'team' })).status).toBe(201)
  })

  it('is there from the start under a UUID and the slug "default", and stays', async () => {
    for (const ref of [FIRST, 'default'])
      expect((await api('GET', `/workspaces/${ref}`)).body.data).toMatchObject({ id: FIRST, slug: 'default' })
    expect((await api('GET', '/key', undefined, gateway.key)).body.data.workspace_id).toBe(FIRST)
    expect((await api('DELETE', `/workspaces/${FIRST}`)).status).toBe(400)
    expect((await api('PATCH', `/workspaces/${FIRST}`, { slug: 'other' })).status).toBe(400)
    expect((await api('PATCH', `/workspaces/${FIRST}`, { name: 'Home' })).body.data.name).toBe('Home')
  })

  it('refuses settings that would have no effect', async () => {
    const off = { is_observability_io_logging_enabled: false, default_text_model: null }
    expect((await api('PATCH', '/workspaces/default', off)).status).toBe(200)
    for (const setting of [{ is_observability_io_logging_enabled: true }, { default_text_model: MODEL }])
      expect((await api('PATCH', '/workspaces/default', setting)).status).toBe(501)
    expect((await api('PATCH', '/workspaces/default', { organization_id: 'x' })).status).toBe(400)
  })

  it('has budgets that fall from lifetime to daily, and end its calls', async () => {
    await api('POST', '/workspaces', { name: 'Poor', slug: 'poor' })
    const put = (interval: string, limit_usd: unknown) =>
      api('PUT', `/workspaces/poor/budgets/${interval}`, { limit_usd })
    expect((await put('monthly', 10)).status).toBe(200)
    expect((await put('lifetime', 10)).status).toBe(400)
    expect((await put('daily', '10')).status).toBe(400)
    expect((await put('daily', 0)).status).toBe(400)
    expect((await put('yearly', 1)).status).toBe(400)
    expect((await put('lifetime', 11)).status).toBe(200)
    expect((await put('weekly', '0.0000001')).status).toBe(200)
    const { body } = await api('GET', '/workspaces/poor/budgets')
    expect(body.data.map((one: { reset_interval: string }) => one.reset_interval)).toEqual([
      'weekly',
      'monthly',
      null,
    ])
    const key = await keyOf({ name: 'poor', workspace_id: 'poor' })
    expect((await ask(key)).status).toBe(402)
    expect((await api('DELETE', '/workspaces/poor/budgets/weekly')).body).toEqual({ deleted: true })
    expect((await api('DELETE', '/workspaces/poor/budgets/weekly')).body).toEqual({ deleted: true })
    expect((await api('GET', '/workspaces/poor/budgets/weekly')).status).toBe(404)
    expect((await ask(key)).status).toBe(200)
  })

  it('takes members of the organization only, all or none', async () => {
    const { body } = await api('POST', '/organization/members', {
      email: 'bo@example.org',
      role: 'org:admin',
    })
    expect((await api('POST', '/organization/members', { email: 'BO@example.org' })).status).toBe(409)
    const { id } = body.data
    const add = (user_ids: string[]) => api('POST', '/workspaces/default/members/add', { user_ids })
    expect(refusal(await add([id, 'user_unknown']))).toEqual([404, expect.stringContaining('user_unknown')])
    expect((await api('GET', '/workspaces/default/members')).body.total_count).toBe(0)
    expect((await add([id, id])).body).toMatchObject({
      added_count: 1,
      data: [{ role: 'admin', user_id: id }],
    })
    expect((await add([id])).body).toMatchObject({ added_count: 0 })
    expect((await api('DELETE', `/organization/members/${id}`)).body).toEqual({ deleted: true })
    expect((await api('GET', '/workspaces/default/members')).body.total_count).toBe(0)
  })
})

describe('administration', () => {
  it.each([
    ['GET', '/activity'],
    ['GET', '/analytics/meta'],
    ['POST', '/analytics/query'],
    ['GET', '/workspaces'],
    ['POST', '/workspaces'],
    ['DELETE', '/workspaces/default'],
    ['PUT', '/workspaces/default/budgets/daily'],
    ['GET', '/organization/members'],
    ['POST', '/generation/feedback'],
    ['DELETE', '/keys/x'],
  ])('%s %s is refused to API keys', async (method, path) => {
    expect((await api(method, path, method === 'GET' ? undefined : {}, gateway.key)).status).toBe(403)
  })

  it('refuses text that no database keeps', async () => {
    expect((await api('POST', '/keys', { name: 'a\0b' })).status).toBe(400)
    for (const path of ['/workspaces/a%00b', '/activity?user_id=%00', '/keys/%00'])
      expect((await api('GET', path)).status).toBe(400)
  })
})

describe('a write with an Idempotency-Key', () => {
  const send = async (key: string, body: object, as = admin) => {
    const response = await fetch(`${gateway.url}/api/v1/keys`, {
      method: 'POST',
      headers: {
        authorization: `Bearer ${as}`,
        'content-type': 'application/json',
        'idempotency-key': key,
      },
      body: JSON.stringify(body),
    })
    const replayed = response.headers.get('idempotency-replayed')
    return { status: response.status, replayed, body: (await response.json()) as Called['body'] }
  }
  const named = async (name: string) =>
    (await api('GET', '/keys')).body.data.filter((key: { name: string }) => key.name === name).length

  it('is done once, and its repetition gets the same answer, also after a restart', async () => {
    const first = await send('a-1', { name: 'once' })
    expect(first).toMatchObject({ status: 201, replayed: null })
    const again = await send('a-1', { name: 'once' })
    expect(again).toEqual({ ...first, replayed: 'true' })
    gateway = await gateway.restart()
    expect(await send('a-1', { name: 'once' })).toEqual({ ...first, replayed: 'true' })
    expect(await named('once')).toBe(1)
    expect((await ask(again.body.key)).status).toBe(200)
  })

  it('is done once when many come at the same time: the others get 409, or the answer', async () => {
    const all = await Promise.all(Array.from({ length: 8 }, () => send('a-2', { name: 'race' })))
    const statuses = all.map(({ status }) => status)
    expect(statuses.every((status) => status === 201 || status === 409)).toBe(true)
    expect(new Set(all.filter(({ status }) => status === 201).map(({ body }) => body.key)).size).toBe(1)
    expect(await named('race')).toBe(1)
  })

  it('is 422 with another body, and the key is free again after a refusal', async () => {
    await send('a-3', { name: 'one' })
    expect((await send('a-3', { name: 'two' })).status).toBe(422)
    expect((await send('a-4', { name: '' })).status).toBe(400)
    expect((await send('a-4', { name: 'good' })).status).toBe(201)
    expect((await send('ä', { name: 'bad key' }).catch(() => ({ status: 400 }))).status).toBe(400)
  })

  it('counts for one credential, whose answers no other key reads', async () => {
    const other = await keyOf({ name: 'second admin', management: true })
    const mine = await send('a-5', { name: 'mine' })
    const theirs = await send('a-5', { name: 'mine' }, other)
    expect([theirs.status, theirs.body.key === mine.body.key]).toEqual([201, false])
  })

  it('leaves no key on the disk', async () => {
    const { body } = await send('a-6', { name: 'secret' })
    const files = readdirSync(gateway.dataDir).filter(
      (name) => name.includes('.db') || name.includes('sqlite'),
    )
    expect(files.length).toBeGreaterThan(0)
    for (const file of files) expect(readFileSync(join(gateway.dataDir, file)).includes(body.key)).toBe(false)
  })
})
