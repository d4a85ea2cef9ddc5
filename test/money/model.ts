import fc from 'fast-check'
import { afterAll, beforeAll, describe, expect, it } from 'vitest'
import { NO_USAGE, type Tariff } from '../../src/chat/index.ts'
import { decide, resolution } from '../../src/money/decide.ts'
import type { Balance, Ledger, LimitRef } from '../../src/money/index.ts'
import {
  type Account,
  accountId,
  apply,
  type Command,
  emptyImage,
  type Image,
  limitKey,
} from '../../src/money/state.ts'
import { capOf, ENDPOINT, type Node, reserveOf, settleOf, TARIFF, type World } from './world.ts'

const RUNS = Number(process.env['WAYBILL_MODEL_RUNS'] ?? 0)

type Step =
  | { readonly do: 'topup'; readonly amount: number }
  | { readonly do: 'reserve'; readonly hold: number; readonly amount: number; readonly version: number }
  | { readonly do: 'extend'; readonly hold: number; readonly amount: number }
  | { readonly do: 'checkpoint'; readonly hold: number; readonly tokens: number; readonly streaming: boolean }
  | { readonly do: 'settle'; readonly hold: number; readonly tokens: number; readonly charge: boolean }
  | { readonly do: 'release'; readonly hold: number }
  | { readonly do: 'cap'; readonly cap: number | null }
  | { readonly do: 'crash' }
  | { readonly do: 'pause' }

const hold = fc.nat(5)
const tokens = fc.oneof(fc.nat(12), fc.constantFrom(-1, Number.NaN, 1e18))
const step: fc.Arbitrary<Step> = fc.oneof(
  {
    weight: 3,
    arbitrary: fc.record({ do: fc.constant('topup'), amount: fc.integer({ min: -8_000, max: 16_000 }) }),
  },
  {
    weight: 8,
    arbitrary: fc.record({
      do: fc.constant('reserve'),
      hold,
      amount: fc.nat(8_000),
      version: fc.nat(1),
    }),
  },
  { weight: 2, arbitrary: fc.record({ do: fc.constant('extend'), hold, amount: fc.nat(12_000) }) },
  {
    weight: 4,
    arbitrary: fc.record({ do: fc.constant('checkpoint'), hold, tokens, streaming: fc.boolean() }),
  },
  { weight: 6, arbitrary: fc.record({ do: fc.constant('settle'), hold, tokens, charge: fc.boolean() }) },
  { weight: 2, arbitrary: fc.record({ do: fc.constant('release'), hold }) },
  {
    weight: 2,
    arbitrary: fc.record({ do: fc.constant('cap'), cap: fc.option(fc.nat(20_000)) }),
  },
  { weight: 1, arbitrary: fc.record({ do: fc.constant('crash') }) },
  { weight: 2, arbitrary: fc.record({ do: fc.constant('pause') }) },
) as fc.Arbitrary<Step>

/** The ledger does what the pure state machine says, whatever the order of commands, crashes included. */
export function ledgerModel(make: () => Promise<World>, runs: number): void {
  describe('model', () => {
    let world: World
    let node: Node
    let organizations = 0
    beforeAll(async () => {
      world = await make()
      node = await world.start()
    })
    afterAll(async () => {
      await node.close()
      await world.drop()
    })

    it('agrees with the state machine after every command', async () => {
      await fc.assert(
        fc.asyncProperty(fc.array(step, { maxLength: 40 }), async (steps) => {
          const run = new Run(`model${++organizations}`)
          const restart = async () => {
            await node.close()
            node = await world.start()
          }
          for (const one of steps) await run.step(() => node.ledger, one, restart)
          await run.finish(node.ledger)
        }),
        { numRuns: RUNS > 0 ? RUNS : runs },
      )
      expect(await node.ledger.verify()).toMatchObject({ ok: true, faults: [] })
    }, 600_000)
  })
}

/** One organization's life in both worlds. */
class Run {
  readonly #org: string
  readonly #image: Image = emptyImage()
  readonly #opened = new Set<string>()
  #cap: bigint | null = 10_000n
  #count = 0

  constructor(org: string) {
    this.#org = org
  }

  async step(ledger: () => Ledger, one: Step, restart: () => Promise<void>): Promise<void> {
    if (one.do === 'cap') this.#cap = one.cap === null ? null : BigInt(one.cap)
    else if (one.do === 'pause') await new Promise((next) => setTimeout(next, 1))
    else if (one.do === 'crash') await this.#crash(ledger, restart)
    else await this.#both(ledger(), one)
    await this.#compare(ledger())
  }

  async finish(ledger: Ledger): Promise<void> {
    for (const id of this.#opened) await ledger.release(id, 0, null)
  }

  async #crash(ledger: () => Ledger, restart: () => Promise<void>): Promise<void> {
    await restart()
    let [released, settled] = [0, 0]
    for (const open of [...this.#image.holds.values()]) {
      const command = resolution(open, 0, { providerId: 'acme', markupPpm: 0n })
      if (command.type === 'settle') settled++
      else released++
      this.#model(command)
    }
    expect(await ledger().recover(Date.now())).toEqual({ released, settled })
  }

  async #both(ledger: Ledger, one: Exclude<Step, { do: 'cap' | 'pause' | 'crash' }>): Promise<void> {
    const id = 'hold' in one ? `${this.#org}-${one.hold}` : ''
    switch (one.do) {
      case 'topup': {
        const amount = BigInt(one.amount)
        const reference = `${this.#org}-${++this.#count}`
        const rest = { organizationId: this.#org, source: 'model', reference, memo: null, now: 1 }
        const said = this.#model({ type: 'credit', ...rest, amount })
        const done = ledger.credit({ ...rest, amountNanos: amount })
        if (said.ok) await done
        else await expect(done).rejects.toMatchObject({ fault: 'refused' })
        return
      }
      case 'reserve':
        return await this.#reserve(ledger, id, one)
      case 'extend': {
        const said = this.#model({ type: 'extend', id, amount: BigInt(one.amount) })
        const done = ledger.extend(id, BigInt(one.amount))
        if (!said.ok && said.denial.kind === 'no_hold') await expect(done).rejects.toThrow()
        else expect(refusalOf(await done)).toEqual(said.ok ? null : said.denial)
        return
      }
      case 'checkpoint': {
        const usage = { ...NO_USAGE, completionTokens: one.tokens }
        const phase = one.streaming ? 'streaming' : 'dispatched'
        const mark = { attempt: 1, endpointId: ENDPOINT, phase, usage: one.streaming ? usage : null } as const
        this.#model({ type: 'checkpoint', id, mark })
        return ledger.checkpoint(id, mark)
      }
      case 'settle': {
        const usage = { ...NO_USAGE, completionTokens: one.tokens + 3 }
        const part = { endpointId: ENDPOINT, providerId: 'acme', usage }
        const upstream = one.tokens % 2 === 1 ? [part, { ...part, providerId: 'other' }] : null
        const more = { charge: one.charge, ...(upstream !== null && { upstream }) }
        const command = settleOf(id, one.tokens, more)
        const said = this.#model({ type: 'settle', ...command, markupPpm: 0n })
        if (said.ok) expect(await ledger.settle(command)).toEqual(said.settled)
        else await ledger.settle(command).catch((error) => expect(error.fault).not.toBe('unavailable'))
        return
      }
      case 'release':
        this.#model({ type: 'release', id })
        return await ledger.release(id, 1, null)
    }
  }

  async #reserve(ledger: Ledger, id: string, one: Extract<Step, { do: 'reserve' }>): Promise<void> {
    if (this.#opened.has(id)) return
    const dearer: Tariff = { ...TARIFF, version: 'dearer', completion: 3_000_000n }
    const tariffs = new Map([[ENDPOINT, one.version === 0 ? TARIFF : dearer]])
    const limits = this.#limits()
    const command = reserveOf(id, { amountNanos: BigInt(one.amount), limits, tariffs }, this.#org)
    const said = this.#model({ type: 'reserve', reserve: command, node: 'model' })
    expect(refusalOf(await ledger.reserve(command))).toEqual(said.ok ? null : said.denial)
    if (said.ok) this.#opened.add(id)
  }

  #limits(): LimitRef[] {
    return [capOf(this.#org, null), capOf(this.#org, this.#cap, 'daily')]
  }

  #model(command: Command) {
    const decision = decide(this.#image, command)
    if (decision.ok) apply(this.#image, decision.change)
    return decision
  }

  async #compare(ledger: Ledger): Promise<void> {
    const account: Pick<Account, 'posted' | 'held'> | undefined = this.#image.accounts.get(
      accountId(this.#org, 'prepaid'),
    )
    const expected: Partial<Balance> = {
      postedNanos: account?.posted ?? 0n,
      heldNanos: account?.held ?? 0n,
    }
    expect(await ledger.balance(this.#org, 'prepaid')).toMatchObject(expected)
    expect(expected.postedNanos! - expected.heldNanos! >= 0n).toBe(true)
    for (const ref of this.#limits()) {
      const row = this.#image.limits.get(limitKey(ref))
      expect(await ledger.limit(ref)).toEqual({ spentNanos: row?.spent ?? 0n, heldNanos: row?.held ?? 0n })
      if (row !== undefined && row.cap !== null) expect(row.spent + row.held <= row.cap).toBe(true)
    }
  }
}

function refusalOf(result: Awaited<ReturnType<Ledger['reserve']>>): unknown {
  return result.ok ? null : result.refusal
}
