import { createHmac } from 'node:crypto'
import { afterEach, beforeEach, describe, expect, it } from 'vitest'
import { Alerts, type Destination, listAlerts, setMute } from '../../src/alerts/index.ts'
import { Secret } from '../../src/lib/index.ts'
import type { AlertRow, Store } from '../../src/store/index.ts'
import { type Hook, hook } from '../harness/hook.ts'
import { type SmtpServer, smtpServer } from '../harness/smtp.ts'

const SECRET = `whsec_${Buffer.alloc(32, 7).toString('base64')}`
const MINUTE = 60_000
const HOUR = 60 * MINUTE
const START = Date.UTC(2026, 10, 24, 12)

/** What delivery does, whatever the database. */
export function describeDelivery(open: () => Promise<{ store: Store; remove: () => Promise<void> }>): void {
  let store: Store
  let remove: () => Promise<void>
  let target: Hook
  let smtp: SmtpServer
  let now = START
  const errors: unknown[] = []
  const givenUp: string[] = []

  beforeEach(async () => {
    const opened = await open()
    store = opened.store
    remove = opened.remove
    target = await hook()
    smtp = await smtpServer()
    now = START
    errors.length = 0
    givenUp.length = 0
  })
  afterEach(async () => {
    await target.close()
    await smtp.close()
    await store.close()
    await remove()
    expect(errors).toEqual([])
  })

  const webhook = (path = '/hook'): Destination => ({
    type: 'webhook',
    url: new Secret(target.url + path),
    secret: new Secret(SECRET),
  })
  const slack = (): Destination => ({ type: 'slack', url: new Secret(`${target.url}/slack`) })
  const node = (...destinations: Destination[]) =>
    new Alerts({
      store,
      clock: { now: () => now, tick: () => now },
      random: () => 0.5,
      destinations: () => destinations,
      words: {
        usd: (nanos) => `$${nanos}n`,
        decimal: String,
        windowEnd: (span, start) => (span === 'daily' ? start + 24 * HOUR : null),
      },
      onGivenUp: (label, error) => givenUp.push(`${label} ${error}`),
      onError: (error) => errors.push(error),
    })
  let count = 0
  const tell = async (more: Partial<AlertRow> = {}) => {
    const row: AlertRow = {
      id: `alert-${++count}`,
      organization_id: 'default',
      workspace_id: 'default',
      creator_user_id: null,
      scope: 'key',
      scope_id: `key${count}`,
      span: 'daily',
      window_start: BigInt(START - 12 * HOUR),
      threshold: 80n,
      cap_nanos: 5_000n,
      amount_nanos: 4_000n,
      cause: 'gen-1',
      created_at: BigInt(now),
      sent: 0,
      ...more,
    }
    await store.db.insertInto('alerts').values(row).execute()
    return row
  }
  const deliveries = async () => {
    const listed = await listAlerts(store, 'default', { limit: 100, before: null })
    return listed.flatMap((one) => one.deliveries)
  }

  it('sends a signed webhook, a message for Slack and an e-mail, once each', async () => {
    const mail: Destination = {
      type: 'email',
      url: new Secret(smtp.url),
      to: 'ops@example.com',
      from: 'wb@example.com',
    }
    const alerts = node(webhook(), slack(), mail)
    const { id } = await tell()
    await alerts.deliver()
    await alerts.deliver()
    const text =
      'API key "key1" has used 80 % of its daily limit: $4000n of $5000n. It starts anew at 2026-11-25 00:00 UTC.'
    const said = target.calls.find(({ path }) => path === '/hook')!
    const body = JSON.parse(said.body)
    expect(body).toEqual({
      type: 'limit.threshold',
      timestamp: '2026-11-24T12:00:00.000Z',
      data: {
        id,
        organization_id: 'default',
        workspace_id: 'default',
        scope: 'key',
        scope_id: `key${count}`,
        cause: 'gen-1',
        created_at: '2026-11-24T12:00:00.000Z',
        reset_interval: 'daily',
        window_start: '2026-11-24T00:00:00.000Z',
        resets_at: '2026-11-25T00:00:00.000Z',
        threshold_percent: 80,
        limit_usd: '5000',
        spent_usd: '4000',
        message: text.replace('key1', `key${count}`),
      },
    })
    const {
      'webhook-id': webhookId,
      'webhook-timestamp': time,
      'webhook-signature': signature,
    } = said.headers
    expect([webhookId, time]).toEqual([id, String(START / 1000)])
    const mac = createHmac('sha256', Buffer.alloc(32, 7)).update(`${id}.${time}.${said.body}`)
    expect(signature).toBe(`v1,${mac.digest('base64')}`)
    const forSlack = target.calls.find(({ path }) => path === '/slack')!
    expect(JSON.parse(forSlack.body)).toEqual({ text: body.data.message })
    expect(target.calls).toHaveLength(2)
    expect(smtp.mails).toMatchObject([{ from: 'wb@example.com', to: ['ops@example.com'] }])
    expect(smtp.mails[0]!.data).toContain(`Message-ID: <${id}@waybill>`)
    expect(smtp.mails[0]!.data).toContain('has used 80 % of its daily limit: $4000n of $5000n. It')
    expect((await deliveries()).map(({ state, attempts }) => [state, attempts])).toEqual([
      ['delivered', 1],
      ['delivered', 1],
      ['delivered', 1],
    ])
  })

  it('tries for a day with the same id, further and further apart, then says that it failed', async () => {
    target.answers = [500]
    const alerts = node(webhook())
    await tell()
    const times: number[] = []
    for (let step = 0; step < 30 * 60 * 2; step++) {
      const before = target.calls.length
      await alerts.deliver()
      if (target.calls.length > before) times.push(now - START)
      const [row] = await deliveries()
      if (row!.state !== 'pending') break
      now = Number(row!.next_at)
    }
    const jittered = [
      0,
      5_000,
      5 * MINUTE,
      30 * MINUTE,
      2 * HOUR,
      5 * HOUR,
      10 * HOUR,
      14 * HOUR,
      20 * HOUR,
      24 * HOUR,
    ]
    expect(times).toEqual(jittered.map((ms, i) => (i === 0 ? 0 : i === 1 ? 5_250 : ms * 1.05)))
    expect(new Set(target.calls.map(({ headers }) => headers['webhook-id'])).size).toBe(1)
    expect(await deliveries()).toMatchObject([
      { state: 'failed', attempts: 10, last_status: 500, last_error: 'HTTP 500' },
    ])
    expect(givenUp).toEqual([`webhook ${new URL(target.url).host} HTTP 500`])
  })

  it.each([301, 302, 307, 404, 429])('takes %d for a failure and tries again', async (status) => {
    target.answers = [status, 200]
    const alerts = node(webhook())
    await tell()
    await alerts.deliver()
    expect(await deliveries()).toMatchObject([{ state: 'pending', last_status: status }])
    now += 10_000
    await alerts.deliver()
    expect(target.calls.map(({ path }) => path)).toEqual(['/hook', '/hook'])
    expect(await deliveries()).toMatchObject([{ state: 'delivered', attempts: 2, last_status: 200 }])
  })

  it('sends nothing more to a destination that answered 410, until it takes a test', async () => {
    target.answers = [410]
    const alerts = node(webhook())
    await tell()
    await alerts.deliver()
    await tell()
    await alerts.deliver()
    expect(target.calls).toHaveLength(1)
    expect((await deliveries()).map(({ state }) => state)).toEqual(['gone', 'gone'])
    target.answers = [200]
    expect(await alerts.test('default')).toMatchObject([{ ok: true, status: 200 }])
    now += 1
    await tell()
    await alerts.deliver()
    expect(target.calls).toHaveLength(3)
  })

  it('goes on through a destination that cannot be reached, and never tells its address', async () => {
    const closed = await hook()
    await closed.close()
    const alerts = node({ type: 'slack', url: new Secret(`${closed.url}/services/secret`) }, webhook())
    await tell()
    await alerts.deliver()
    const rows = await deliveries()
    expect(rows.map(({ state, last_error }) => [state, last_error]).sort()).toEqual([
      ['delivered', null],
      ['pending', 'ECONNREFUSED'],
    ])
    expect(JSON.stringify(rows, (_, v) => (typeof v === 'bigint' ? String(v) : v))).not.toContain('secret')
  })

  it('tries an e-mail again that the server did not take', async () => {
    smtp.refusing = true
    const alerts = node({ type: 'email', url: new Secret(smtp.url), to: 'a@b.c', from: 'a@b.c' })
    await tell()
    await alerts.deliver()
    expect(await deliveries()).toMatchObject([{ state: 'pending', last_status: 451 }])
    smtp.refusing = false
    now += 10_000
    await alerts.deliver()
    expect(smtp.mails).toHaveLength(1)
  })

  it('is delivered by one of several nodes', async () => {
    const nodes = Array.from({ length: 5 }, () => node(webhook()))
    for (let i = 0; i < 10; i++) await tell()
    await Promise.all(nodes.map((one) => one.deliver()))
    await Promise.all(nodes.map((one) => one.deliver()))
    const ids = target.calls.map(({ headers }) => headers['webhook-id'])
    expect(ids).toHaveLength(10)
    expect(new Set(ids).size).toBe(10)
  })

  it('is tried again when the node that tried it has died', async () => {
    await tell()
    const alerts = node(webhook())
    target.answers = [500]
    await alerts.deliver()
    // As a node leaves it that is killed while it waits for the answer.
    await store.db
      .updateTable('alert_deliveries')
      .set({ leased_until: BigInt(now + MINUTE) })
      .execute()
    target.answers = [200]
    now += 30_000
    await alerts.deliver()
    expect(target.calls).toHaveLength(1)
    now += 31_000
    await alerts.deliver()
    expect(target.calls).toHaveLength(2)
    expect(await deliveries()).toMatchObject([{ state: 'delivered' }])
  })

  it('is not sent when it is muted, by its key or by its kind, and listed all the same', async () => {
    const alerts = node(webhook())
    const mute = (scope: string, scopeId: string, on: boolean) =>
      setMute(store, { organizationId: 'default', scope, scopeId }, on, now)
    await mute('key', 'loud', true)
    await mute('balance', '*', true)
    await tell({ scope_id: 'loud' })
    await tell({ scope: 'balance', scope_id: 'default', span: 'total', window_start: 0n, cap_nanos: null })
    await tell({ scope_id: 'heard' })
    await alerts.deliver()
    expect(target.calls).toHaveLength(1)
    expect((await deliveries()).map(({ state }) => state).sort()).toEqual(['delivered', 'muted', 'muted'])
    await mute('key', 'loud', false)
    await tell({ scope_id: 'loud', threshold: 90n })
    await alerts.deliver()
    expect(target.calls).toHaveLength(2)
  })

  it('of yesterday is listed, not sent', async () => {
    await tell({ created_at: BigInt(now - 25 * HOUR) })
    await node(webhook()).deliver()
    expect(target.calls).toHaveLength(0)
    expect(await listAlerts(store, 'default', { limit: 9, before: null })).toMatchObject([
      { alert: { sent: 1 }, deliveries: [] },
    ])
  })

  it('is broken off when the process ends, and tried by the next one', async () => {
    const deaf = await import('node:net').then(({ createServer }) => createServer(() => {}))
    await new Promise<void>((ready) => deaf.listen(0, '127.0.0.1', ready))
    const { port } = deaf.address() as { port: number }
    const alerts = node({ type: 'slack', url: new Secret(`http://127.0.0.1:${port}`) })
    await tell()
    const round = alerts.deliver()
    await new Promise((next) => setTimeout(next, 200))
    const stopped = performance.now()
    await alerts.stop()
    await round
    expect(performance.now() - stopped).toBeLessThan(1_000)
    expect(await deliveries()).toMatchObject([{ state: 'pending', attempts: 0 }])
    deaf.close()
  })

  describe('a test', () => {
    it('tells of each destination what it said, and is listed', async () => {
      target.answers = [200, 500]
      const tested = await node(webhook(), webhook('/other')).test('default')
      expect(tested.map(({ ok }) => ok).sort()).toEqual([false, true])
      expect((await deliveries()).map(({ state }) => state).sort()).toEqual(['delivered', 'failed'])
      expect(JSON.parse(target.calls[0]!.body).type).toBe('test')
    })
  })
}
