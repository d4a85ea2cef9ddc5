import { NO_USAGE, type Tariff, type Usage } from '../../src/chat/index.ts'
import { type Ledger, LedgerError, type LimitRef, type SettleCommand } from '../../src/money/index.ts'
import { type Oracle, type Price, type Told, Violation, worth } from './oracle.ts'
import type { VirtualTime } from './time.ts'

export const ENDPOINT = 'acme/one@acme'
const OTHER = 'acme/one@other'
const DAY = 86_400_000
/** A hold that is older than this belongs to a request that has leaked. */
export const LIFE_MS = 20_000

/** Prices that follow one another while requests are under way. */
export const PRICES: readonly Price[] = [
  { version: 'one', prompt: 1_000_000n, completion: 2_000_000n, request: 0n },
  { version: 'two', prompt: 3_625n, completion: 9_000_001n, request: 0n },
  { version: 'three', prompt: 75_000n, completion: 333_333n, request: 1_000_000_007n },
]

const TARIFFS: readonly Tariff[] = PRICES.map((price) => ({
  ...price,
  cacheRead: null,
  cacheWrite: null,
  cacheWrite1h: null,
  reasoning: null,
  tiers: [],
}))

/** Who asks: an organization with money to spare, one that counts it, one that is nearly broke. */
export const ORGANIZATIONS = ['rich', 'modest', 'poor'] as const
const KINDS = ['prepaid', 'prepaid', 'prepaid', 'prepaid', 'prepaid', 'unlimited', 'test'] as const

/** A number below `below`. */
export type Pick = (below: number) => number

interface Around {
  readonly oracle: Oracle
  readonly time: VirtualTime
  readonly pick: Pick
  readonly markupPpm: bigint
  trace(line: string): void
}

/** What one client did with its request; its coroutine ends where the process dies. */
export class Clients {
  readonly #around: Around
  readonly #caps = new Map<string, bigint | null>()
  #price = 0
  #next = 0
  #credits = 0

  constructor(around: Around) {
    this.#around = around
  }

  /** Another price list from now on, for what is not yet admitted. */
  changePrice(): void {
    this.#price = this.#around.pick(PRICES.length)
  }

  changeCap(): void {
    const { pick } = this.#around
    const key = `key${pick(4)}`
    this.#caps.set(key, pick(4) === 0 ? null : BigInt(pick(40_000_000)))
  }

  /** One request from its admission to its end. */
  async request(ledger: Ledger, organization?: (typeof ORGANIZATIONS)[number]): Promise<Told> {
    const { pick, oracle, trace } = this.#around
    const whose = organization ?? ORGANIZATIONS[pick(ORGANIZATIONS.length)]!
    const told = await this.#admit(ledger, whose, organization !== undefined)
    if (told.state !== 'held') return told
    const plan = { parts: pick(5), prompt: pick(2_000), completion: pick(organization ? 500 : 4_000) }
    await this.#stream(ledger, told, plan)
    const fate = organization ? 99 : pick(100)
    if (fate < 3) trace(`${told.id} leaks`)
    else if (fate < 10) await this.#release(ledger, told)
    else {
      if (fate < 13) {
        await pause(LIFE_MS + pick(20_000))
        told.orphan = true
      }
      await this.#settle(ledger, told, plan, fate)
    }
    oracle.told.set(told.id, told)
    return told
  }

  /** Credit, sometimes twice with one reference, sometimes a correction. */
  async credit(ledger: Ledger, organizationId: string, amount: bigint): Promise<void> {
    const { oracle, time, pick, trace } = this.#around
    const reference = `pay-${++this.#credits}`
    const granted = {
      reference: `sim:${reference}`,
      accountId: `org:${organizationId}:credit`,
      amount,
      seen: false,
    }
    oracle.credits.push(granted)
    const rest = { organizationId, amountNanos: amount, source: 'sim', reference, memo: null }
    const once = () => ledger.credit({ ...rest, now: time.now() })
    try {
      if (pick(3) === 0) await Promise.all([once(), once()])
      else await once()
      granted.seen = true
      if (pick(3) === 0) await once()
    } catch (error) {
      expectFault(error, ['unavailable', 'refused'])
    }
    trace(`${reference} ${amount} ${granted.seen}`)
  }

  async #admit(ledger: Ledger, organizationId: string, certain: boolean): Promise<Told> {
    const { oracle, time, pick, markupPpm, trace } = this.#around
    const account = certain ? 'prepaid' : KINDS[pick(KINDS.length)]!
    const id = `g-${++this.#next}`
    const amount = BigInt(certain ? 1_000_000 : 1 + pick(12_000_000))
    const limits = certain ? [] : this.#limits(organizationId)
    const now = time.now()
    const told: Told = {
      id,
      accountId: `org:${organizationId}:${{ prepaid: 'credit', unlimited: 'usage', test: 'test' }[account]}`,
      limits,
      price: PRICES[this.#price]!,
      markupPpm,
      askedAt: time.tick(),
      expiresAt: time.tick() + LIFE_MS,
      state: 'asked',
      held: amount,
      marks: [],
      due: null,
      result: null,
      orphan: false,
    }
    oracle.told.set(id, told)
    const tariff = TARIFFS[this.#price]!
    try {
      const held = await ledger.reserve({
        id,
        owner: { organizationId, workspaceId: 'w', creatorUserId: null, keyHash: 'k' },
        account,
        amountNanos: amount,
        limits,
        tariffs: new Map([
          [ENDPOINT, tariff],
          [OTHER, tariff],
        ]),
        now,
        expiresAt: now + LIFE_MS,
      })
      if (held.ok) {
        await held.durable
        told.state = 'held'
      } else told.state = 'refused'
      trace(`${id} ${organizationId} ${account} ${amount} ${held.ok ? 'held' : held.refusal.kind}`)
    } catch (error) {
      expectFault(error, ['unavailable'])
      told.state = 'lost'
      trace(`${id} lost`)
      // As the gateway does when it turns a client away.
      ledger.release(id, now, null).catch(() => {})
    }
    return told
  }

  #limits(organizationId: string): LimitRef[] {
    const { pick, time } = this.#around
    const key = `key${pick(4)}`
    const day = Math.floor(time.now() / DAY) * DAY
    const cap = this.#caps.get(key) ?? null
    const all: LimitRef[] = [
      { scope: 'key', scopeId: `${organizationId}-${key}`, span: 'total', windowStart: 0, capNanos: null },
      { scope: 'key', scopeId: `${organizationId}-${key}`, span: 'daily', windowStart: day, capNanos: cap },
      {
        scope: 'budget-workspace',
        scopeId: organizationId,
        span: 'weekly',
        windowStart: day,
        capNanos: 90_000_000n,
      },
    ]
    return all.slice(0, pick(4))
  }

  async #stream(ledger: Ledger, told: Told, plan: Plan): Promise<void> {
    const { pick } = this.#around
    const mark = (phase: 'dispatched' | 'streaming', usage: Usage | null) => {
      if (usage !== null && usage.promptTokens + usage.completionTokens > 0)
        told.marks.push(this.#worth(told, usage))
      ledger.checkpoint(told.id, { attempt: 1, endpointId: ENDPOINT, phase, usage })
    }
    mark('dispatched', null)
    await pause(pick(300))
    for (let part = 0; part < plan.parts; part++) {
      const share = plan.parts === 0 ? 1 : part / plan.parts
      const usage = usageOf(plan.prompt, Math.floor(plan.completion * share))
      mark('streaming', usage)
      await pause(pick(500))
      if (pick(4) === 0 && !(await this.#extend(ledger, told))) {
        plan.completion = Math.floor(plan.completion * share)
        return
      }
    }
  }

  /** @returns whether the answer may go on */
  async #extend(ledger: Ledger, told: Told): Promise<boolean> {
    try {
      const more = told.held + BigInt(this.#around.pick(6_000_000))
      const raised = await ledger.extend(told.id, more)
      this.#around.trace(`${told.id} extend ${more} ${raised.ok}`)
      if (!raised.ok) return false
      await raised.durable
      told.held = more
      return true
    } catch (error) {
      expectFault(error, ['unavailable', 'unknown_hold'])
      return false
    }
  }

  async #settle(ledger: Ledger, told: Told, plan: Plan, fate: number): Promise<void> {
    const { time, trace } = this.#around
    const nonsense = fate === 13 ? [Number.NaN, -1, 1e18][plan.prompt % 3] : undefined
    const usage = usageOf(plan.prompt, nonsense ?? plan.completion)
    const charge = fate > 18
    const parts = fate >= 20 && fate < 28
    const spent = (endpointId: string, providerId: string) => ({ endpointId, providerId, usage })
    const command: SettleCommand = {
      id: told.id,
      endpointId: ENDPOINT,
      providerId: 'acme',
      usage,
      charge,
      ...(parts && { upstream: [spent(OTHER, 'other'), spent(ENDPOINT, 'acme')] }),
      now: time.now(),
      record: null,
    }
    told.due = charge ? this.#worth(told, usage) : 0n
    told.state = 'settling'
    try {
      const again = fate >= 28 && fate < 33 ? ledger.settle(command) : null
      const [result, second] = await Promise.all([ledger.settle(command), again])
      if (second !== null && second.chargedNanos !== result.chargedNanos)
        throw new Violation(
          'I11',
          `${told.id} was settled to ${result.chargedNanos} and ${second.chargedNanos}`,
        )
      told.result = result
      if (time.tick() > told.expiresAt) told.orphan = true
      told.state = 'settled'
      trace(`${told.id} settled ${result.chargedNanos} ${result.writtenOffNanos}`)
    } catch (error) {
      const faults =
        told.orphan || time.tick() > told.expiresAt ? ['unavailable', 'released'] : ['unavailable']
      expectFault(error, faults)
      if (time.tick() > told.expiresAt) told.orphan = true
      told.state = 'failed'
      trace(`${told.id} failed ${String(error)}`)
    }
  }

  async #release(ledger: Ledger, told: Told): Promise<void> {
    told.state = 'releasing'
    try {
      await ledger.release(told.id, this.#around.time.now(), null)
      if (this.#around.time.tick() > told.expiresAt) told.orphan = true
      told.state = 'released'
    } catch (error) {
      expectFault(error, ['unavailable'])
    }
    this.#around.trace(`${told.id} ${told.state}`)
  }

  #worth({ price, markupPpm }: Told, usage: Usage): bigint {
    return worth(price, usage, markupPpm)
  }
}

interface Plan {
  readonly parts: number
  readonly prompt: number
  completion: number
}

function usageOf(promptTokens: number, completionTokens: number): Usage {
  return { ...NO_USAGE, promptTokens, completionTokens }
}

/** Waits as the process does: not beyond its death. */
export function pause(ms: number): Promise<void> {
  return new Promise((resolve) => {
    setTimeout(resolve, ms)
  })
}

/** A broken store may be the answer to everything; other faults only where they are due. */
function expectFault(error: unknown, faults: readonly string[]): void {
  if (error instanceof Violation) throw error
  const fault = error instanceof LedgerError ? error.fault : error instanceof Error ? error.name : ''
  if (fault !== 'StoreError' && !faults.includes(fault)) throw error
}
