import { writeSync } from 'node:fs'
import { NO_USAGE } from '../../src/chat/index.ts'
import { systemClock } from '../../src/lib/index.ts'
import { openLedger } from '../../src/money/index.ts'
import { openStore } from '../../src/store/index.ts'
import { capOf, ENDPOINT, RULES, reserveOf, settleOf } from './world.ts'

/**
 * A process that makes requests on a database until it is killed. It says what its clients saw: `ready`, then
 * `<id> <tokens>` for every answer that they saw complete, so after the settle was durable.
 */
const [place = '{}', cycle = ''] = process.argv.slice(2)
const store = await openStore({ ...JSON.parse(place), clock: systemClock })
const ledger = await openLedger(store, { clock: systemClock, node: 'child', alerts: () => RULES })
await ledger.recover(Date.now())
const say = (line: string) => writeSync(1, `${line}\n`)
say('ready')

let count = 0

async function client(): Promise<void> {
  for (;;) {
    const n = ++count
    const id = `g-${cycle}-${n}`
    const tokens = 1 + ((n * 31) % 97)
    // Few calls share a cap, so that the process often dies near an alert; it bears the holds of all.
    const limits = [capOf(`${cycle}-${n >> 4}`, 3_200_000n)]
    const held = await ledger.reserve(reserveOf(id, { amountNanos: 200_000n, limits }))
    if (!held.ok) throw new Error(`refused: ${held.refusal.kind}`)
    ledger.checkpoint(id, { attempt: 1, endpointId: ENDPOINT, phase: 'dispatched', usage: null })
    await held.durable
    for (const part of [0.3, 0.7]) {
      const usage = { ...NO_USAGE, completionTokens: Math.floor(tokens * part) }
      ledger.checkpoint(id, { attempt: 1, endpointId: ENDPOINT, phase: 'streaming', usage })
      await new Promise((next) => setTimeout(next, n % 3))
    }
    if (n % 9 === 0) {
      await ledger.release(id, Date.now(), null)
      continue
    }
    await ledger.settle(settleOf(id, tokens))
    say(`${id} ${tokens}`)
  }
}

await Promise.all(Array.from({ length: 64 }, client))
