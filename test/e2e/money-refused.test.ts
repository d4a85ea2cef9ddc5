import { afterAll, beforeAll, describe, expect, it } from 'vitest'
import { type RunningGateway, startGateway } from '../harness/gateway.ts'
import { type FreshDatabase, freshDatabase, hasPostgres } from '../harness/postgres.ts'
import { type FakeUpstream, fakeUpstream, json } from '../upstream/index.ts'
import { expectSound, topUp } from './rig/books.ts'
import { configOf, marked } from './rig/provider.ts'

describe.each([
  ['embedded', true],
  ['two nodes on Postgres', hasPostgres],
] as const)('a request that its provider refuses (%s)', (engine, here) => {
  describe.skipIf(!here)('where the database is', () => {
    let upstream: FakeUpstream
    let database: FreshDatabase | null = null
    const nodes: RunningGateway[] = []

    beforeAll(async () => {
      upstream = await fakeUpstream({ script: json(400, { error: { message: 'not like this' } }) })
      if (engine !== 'embedded') database = await freshDatabase()
      const more = database === null ? '' : `database: "${database.url}"\n`
      const config = configOf([{ id: 'one', url: upstream.url }], more)
      for (let n = database === null ? 1 : 2; n > 0; n--) nodes.push(await startGateway({ config }))
      // Enough for the hold of one call, not of two.
      await topUp(nodes[0]!, '0.015')
    }, 60_000)

    afterAll(async () => {
      for (const node of nodes) await node.remove()
      await database?.drop()
      await upstream?.close()
    })

    it.each([false, true])(
      'has its money back when the client hears of it, also for a retry elsewhere (stream: %s)',
      async (stream) => {
        for (let n = 1; n <= 40; n++) {
          const body = marked({ n, prompt: 10, completion: 90 }, { stream })
          const node = nodes[n % nodes.length]!
          const { status } = await node.call('POST', '/chat/completions', body, nodes[0]!.key)
          expect([n, status]).toEqual([n, 400])
        }
        await expectSound(nodes[0]!)
      },
    )
  })
})
