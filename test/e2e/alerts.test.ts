import { createHmac } from 'node:crypto'
import { afterAll, beforeAll, describe, expect, it, vi } from 'vitest'
import { waybill } from '../harness/command.ts'
import { type RunningGateway, startGateway } from '../harness/gateway.ts'
import { type Hook, hook } from '../harness/hook.ts'
import { type FreshDatabase, freshDatabase, hasPostgres } from '../harness/postgres.ts'
import { type SmtpServer, smtpServer } from '../harness/smtp.ts'
import type { FakeUpstream } from '../upstream/index.ts'
import { expectSound, topUp } from './rig/books.ts'
import { billing, configOf, marked } from './rig/provider.ts'

const KEY = Buffer.alloc(24, 9)
const SECRET = `whsec_${KEY.toString('base64')}`

describe.each([
  ['embedded', true],
  ['Postgres', hasPostgres],
] as const)('alerts (%s)', (engine, here) => {
  describe.skipIf(!here)('where the database is', () => {
    let upstream: FakeUpstream
    let database: FreshDatabase | null = null
    let gateway: RunningGateway
    let target: Hook
    let smtp: SmtpServer

    beforeAll(async () => {
      upstream = await billing()
      target = await hook()
      smtp = await smtpServer()
      if (engine === 'Postgres') database = await freshDatabase()
      const alerts = `alerts:
  thresholds: [50, 100]
  low_balance: 0.5
  destinations:
    - { type: webhook, url: "${target.url}/hook", secret: "${SECRET}" }
    - { type: email, url: "${smtp.url}", to: ops@example.com }
`
      const more = database === null ? alerts : `${alerts}database: "${database.url}"\n`
      gateway = await startGateway({ config: configOf([{ id: 'one', url: upstream.url }], more) })
      await topUp(gateway, '1')
    }, 60_000)

    afterAll(async () => {
      await gateway?.remove()
      await database?.drop()
      await upstream?.close()
      await target?.close()
      await smtp?.close()
    })

    const operator = (method: string, path: string, body?: unknown) =>
      gateway.call(method, path, body, gateway.operatorKey)
    const hooks = () => target.calls.map(({ body }) => JSON.parse(body))
    const run = (...argv: string[]) => waybill([...argv, '--data', gateway.dataDir])
    let n = 0
    const ask = (key: string) =>
      gateway.call('POST', '/chat/completions', marked({ n: ++n, prompt: 10, completion: 90 }), key)

    it('arrive signed by webhook and by e-mail, each once, when a key has spent shares of its limit', async () => {
      const { key, data } = (await operator('POST', '/keys', { name: 'ci', limit: 0.05 })).body
      for (let i = 0; i < 3; i++) expect((await ask(key)).status).toBe(200)
      await vi.waitFor(() => expect(smtp.mails).toHaveLength(1), { timeout: 10_000 })
      await vi.waitFor(() => expect(target.calls).toHaveLength(1), { timeout: 10_000 })
      const [call] = target.calls
      const body = JSON.parse(call!.body)
      expect(body).toMatchObject({
        type: 'limit.threshold',
        data: {
          scope: 'key',
          scope_id: data.hash,
          threshold_percent: 50,
          limit_usd: '0.05',
          spent_usd: '0.02703',
        },
      })
      expect(body.data.message).toBe('API key "ci" has used 50 % of its limit: $0.02703 of $0.05.')
      expect(smtp.mails[0]!.data).toContain('has used 50 % of its limit')
      const signed = `${call!.headers['webhook-id']}.${call!.headers['webhook-timestamp']}.${call!.body}`
      const mac = createHmac('sha256', KEY).update(signed).digest('base64')
      expect(call!.headers['webhook-signature']).toBe(`v1,${mac}`)
      const listed = await operator('GET', '/alerts')
      expect(listed.body.data).toMatchObject([
        {
          id: body.data.id,
          threshold_percent: 50,
          deliveries: [{ state: 'delivered' }, { state: 'delivered' }],
        },
      ])
      expect(JSON.stringify(listed.body)).not.toContain('/hook')
    })

    it('tell that credit is low, and are muted by kind', async () => {
      const { key } = (await operator('POST', '/keys', { name: 'rest' })).body
      expect((await operator('POST', '/alerts/mute', { kind: 'key' })).status).toBe(200)
      // 59 calls in all take $0.53 of the dollar.
      const answers = await Promise.all(Array.from({ length: 56 }, () => ask(key)))
      expect(answers.every(({ status }) => status === 200)).toBe(true)
      await vi.waitFor(() => expect(hooks().map(({ type }) => type)).toContain('balance.low'), {
        timeout: 10_000,
      })
      const told = hooks().filter(({ type }) => type === 'balance.low')
      expect(told).toMatchObject([{ data: { threshold_usd: '0.5', scope_id: 'default' } }])
      expect(told[0].data.message).toContain('The credit of organization "Default" is down to $0.4')
      expect((await operator('GET', '/alerts')).body.muted).toMatchObject([{ kind: 'key', scope_id: null }])
      expect((await operator('POST', '/alerts/mute', { kind: 'key', muted: false })).status).toBe(200)
      await expectSound(gateway)
    }, 60_000)

    it('can be tried, listed and muted from the command line', async () => {
      target.answers = [500]
      const failed = await run('alerts', 'test')
      expect(failed.code).toBe(1)
      expect(failed.out).toContain('failed: HTTP 500')
      expect(failed.out).toMatch(/email ops@example.com +took it/)
      target.answers = [200]
      const tested = await run('alerts', 'test', '--json')
      expect(tested.code).toBe(0)
      expect(JSON.parse(tested.out).data).toHaveLength(2)
      const listed = await run('alerts')
      expect(listed.out).toContain('50 %: $0.02703 of $0.05')
      const id = /alert-\w+(?=.*50 %)/.exec(listed.out)![0]
      expect(await run('alerts', 'mute', id)).toMatchObject({ code: 0 })
      expect((await run('alerts')).err).toContain('muted: key')
      expect(await run('alerts', 'mute', id, '--off')).toMatchObject({ code: 0 })
      expect((await run('alerts')).err).not.toContain('muted')
    })

    it("are the organization's: an API key cannot see them, and only the operator sends tests", async () => {
      const { key } = (await operator('POST', '/keys', { name: 'member' })).body
      const management = (await operator('POST', '/keys', { name: 'm', management: true })).body.key
      expect((await gateway.call('GET', '/alerts', undefined, key)).status).toBe(403)
      expect((await gateway.call('GET', '/alerts', undefined, management)).status).toBe(200)
      expect((await gateway.call('POST', '/alerts/test', {}, management)).status).toBe(403)
      expect((await gateway.call('POST', '/alerts/none/mute', {}, management)).status).toBe(404)
    })
  })
})
