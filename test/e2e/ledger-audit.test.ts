import { hash } from 'node:crypto'
import { afterAll, beforeAll, describe, expect, it } from 'vitest'
import { waybill } from '../harness/command.ts'
import { type RunningGateway, startGateway } from '../harness/gateway.ts'
import { type FreshDatabase, freshDatabase, hasPostgres } from '../harness/postgres.ts'
import type { FakeUpstream } from '../upstream/index.ts'
import { topUp } from './rig/books.ts'
import { billing, configOf, marked } from './rig/provider.ts'

interface Journal {
  id: string
  chain: string
  seq: number
  kind: string
  reference: string
  organization_id: string | null
  at: string
  memo: string | null
  prev_hash: string
  hash: string
  entries: { account: string; amount_nanos: string }[]
}

describe.each([
  ['embedded', true],
  ['Postgres', hasPostgres],
] as const)('the audit of the ledger (%s)', (engine, here) => {
  describe.skipIf(!here)('where the database is', () => {
    let upstream: FakeUpstream
    let database: FreshDatabase | null = null
    let gateway: RunningGateway
    const calls: string[] = []

    beforeAll(async () => {
      upstream = await billing()
      if (engine === 'Postgres') database = await freshDatabase()
      const more = database === null ? '' : `database: "${database.url}"\n`
      gateway = await startGateway({ config: configOf([{ id: 'one', url: upstream.url }], more) })
      await topUp(gateway, '5')
      for (let n = 1; n <= 12; n++) {
        const body = marked({ n, prompt: 10 * n, completion: n })
        const answer = await gateway.call('POST', '/chat/completions', body, gateway.key)
        calls.push(answer.body.id)
      }
    }, 60_000)

    afterAll(async () => {
      await gateway?.remove()
      await database?.drop()
      await upstream?.close()
    })

    const run = (...argv: string[]) => waybill([...argv, '--data', gateway.dataDir])

    it('explains one charge as arithmetic that adds up', async () => {
      const { code, out } = await run('ledger', 'explain', calls[3]!)
      expect(code).toBe(0)
      for (const text of [
        '× $1 / M',
        '× $100 / M',
        '= $0.00004',
        '= $0.0004',
        '= $0.00044',
        'rev:usage',
        '-$0.00044',
      ])
        expect(out).toContain(text)
      const { data } = (
        await gateway.call('GET', `/admin/ledger/explain/${calls[3]}`, undefined, gateway.operatorKey)
      ).body
      expect(data).toMatchObject({
        state: 'settled',
        account: 'org:default:credit',
        exact_usd: '0.00044',
        price_usd: '0.00044',
        markup_usd: '0',
        charged_usd: '0.00044',
        written_off_usd: '0',
        insurance_usd: '0',
        owed_to_providers_usd: '0.00044',
        note: null,
      })
      expect(
        data.lines.map(({ what, quantity }: { what: string; quantity: number }) => [what, quantity]),
      ).toEqual([
        ['input', 40],
        ['output', 4],
      ])
      expect(data.limits).toMatchObject([{ scope: 'key' }])
    })

    it('says so when there is no such call', async () => {
      expect(await run('ledger', 'explain', 'gen-none')).toMatchObject({
        code: 1,
        err: expect.stringContaining('no hold "gen-none"'),
      })
    })

    it('exports every journal, so that anybody can recompute balances and the hash chain', async () => {
      const { code, out } = await run('ledger', 'export')
      expect(code).toBe(0)
      const journals = out.split('\n').map((line) => JSON.parse(line) as Journal)
      expect(journals).toHaveLength(13)
      expect(new Set(journals.map(({ id }) => id)).size).toBe(13)
      let previous: Journal | null = null
      let balance = 0n
      for (const one of journals) {
        const lines = one.entries.map(({ account, amount_nanos }) => [account, amount_nanos])
        expect(lines.reduce((sum, [, nanos]) => sum + BigInt(nanos!), 0n)).toBe(0n)
        const row = [
          one.id,
          one.kind,
          one.reference,
          one.organization_id,
          Date.parse(one.at),
          one.memo,
          lines,
        ]
        expect(hash('sha256', `${one.prev_hash}\n${JSON.stringify(row)}`)).toBe(one.hash)
        if (previous?.chain === one.chain) expect(one.prev_hash).toBe(previous.hash)
        for (const [account, nanos] of lines) if (account === 'org:default:credit') balance += BigInt(nanos!)
        previous = one
      }
      const credits = await gateway.call('GET', '/admin/credits', undefined, gateway.operatorKey)
      expect(Number(credits.body.data.posted_usd)).toBe(Number(balance) / 1e9)
    })

    it('exports in pages that fit together, from a date on, and as CSV', async () => {
      const ids: string[] = []
      let after: string | null = ''
      while (after !== null) {
        const path: string = `/admin/ledger/journals?limit=5&after=${encodeURIComponent(after)}`
        const { body } = await gateway.call('GET', path, undefined, gateway.operatorKey)
        ids.push(...body.data.map(({ id }: Journal) => id))
        after = body.next
      }
      expect(new Set(ids).size).toBe(13)
      const csv = (await run('ledger', 'export', '--format', 'csv')).out.split('\n')
      expect(csv[0]).toBe(
        'at,journal,kind,reference,organization_id,memo,line,account,amount_nanos,amount_usd,prev_hash,hash',
      )
      expect(csv.filter((line) => line.includes(',rev:usage,'))).toHaveLength(12)
      const tomorrow = new Date(Date.now() + 86_400_000).toISOString().slice(0, 10)
      expect((await run('ledger', 'export', '--since', tomorrow)).out).toBe('')
      expect(await run('ledger', 'export', '--since', 'soon')).toMatchObject({ code: 1 })
      expect(await run('ledger', 'export', '--format', 'xml')).toMatchObject({ code: 2 })
    })
  })
})
