import fc from 'fast-check'
import { describe, expect, it } from 'vitest'
import { NO_USAGE, type Tariff } from '../chat/index.ts'
import { decide, resolution } from './decide.ts'
import type { LimitRef, ReserveCommand } from './ledger.ts'
import {
  apply,
  type Change,
  type Command,
  type Draft,
  emptyImage,
  type Hold,
  type Image,
  limitKey,
} from './state.ts'

const ENDPOINT = 'm@p'
/** One nano-dollar a completion token. */
const tariff: Tariff = {
  version: 'v',
  prompt: 0n,
  completion: 1_000n,
  cacheRead: null,
  cacheWrite: null,
  cacheWrite1h: null,
  reasoning: null,
  request: 0n,
  tiers: [],
}
const cap = (span: LimitRef['span'], capNanos: bigint | null): LimitRef => ({
  scope: 'key',
  scopeId: 'k',
  span,
  windowStart: 0,
  capNanos,
})

function reserve(id: string, amount: number, over: Partial<ReserveCommand> = {}): Command {
  const owner = { organizationId: 'o', workspaceId: 'w', creatorUserId: null, keyHash: 'k' }
  const tariffs = new Map([[ENDPOINT, tariff]])
  const times = { now: 1, expiresAt: 2 }
  const amountNanos = BigInt(amount)
  return {
    type: 'reserve',
    node: 'n',
    reserve: { id, owner, account: 'prepaid', amountNanos, limits: [], tariffs, ...times, ...over },
  }
}

function settle(id: string, completionTokens: number, charge = true): Command {
  const usage = { ...NO_USAGE, completionTokens }
  return {
    type: 'settle',
    id,
    endpointId: ENDPOINT,
    providerId: 'p',
    usage,
    charge,
    now: 3,
    markupPpm: 0n,
  }
}

/** Settled for an answer that another provider began. */
function rescue(id: string, completionTokens: number, broken: number, charge = true): Command {
  const part = (providerId: string, tokens: number) => ({
    endpointId: ENDPOINT,
    providerId,
    usage: { ...NO_USAGE, completionTokens: tokens },
  })
  return {
    ...settle(id, completionTokens, charge),
    upstream: [part('q', broken), part('p', completionTokens)],
  } as Command
}

function credit(amount: number, reference: string): Command {
  return {
    type: 'credit',
    organizationId: 'o',
    amount: BigInt(amount),
    source: 's',
    reference,
    memo: null,
    now: 1,
  }
}

const command: fc.Arbitrary<(n: number) => Command> = fc.oneof(
  fc.integer({ min: -50, max: 100 }).map((amount) => (n: number) => credit(amount, `${n}`)),
  fc
    .tuple(fc.nat(60), fc.option(fc.nat(150)), fc.option(fc.nat(80)))
    .map(([amount, total, daily]) => (n: number) => {
      const limits = [cap('total', big(total)), cap('daily', big(daily))]
      return reserve(`h${n}`, amount, { limits })
    }),
  fc.tuple(fc.nat(20), fc.nat(90)).map(([back, amount]) => (n: number): Command => {
    return { type: 'extend', id: `h${n - back}`, amount: BigInt(amount) }
  }),
  fc.tuple(fc.nat(20), fc.nat(90), fc.boolean()).map(([back, tokens, charge]) => (n: number) => {
    return settle(`h${n - back}`, tokens, charge)
  }),
  fc.tuple(fc.nat(20), fc.nat(90), fc.nat(90), fc.boolean()).map(([back, tokens, broken, charge]) => {
    return (n: number) => rescue(`h${n - back}`, tokens, broken, charge)
  }),
  fc.nat(20).map(
    (back) =>
      (n: number): Command => ({ type: 'release', id: `h${n - back}` }),
  ),
)

/** Adds up all that ever happened, from the changes alone. */
class Book {
  readonly journals: Draft[] = []
  readonly holds = new Map<string, Hold>()
  readonly caps = new Map<string, bigint | null>()

  write(change: Change): void {
    if (change.journal !== null) this.journals.push(change.journal)
    for (const { key, admitted } of change.limits) {
      if (admitted !== undefined) this.caps.set(key, admitted.ref.capNanos)
    }
    const { hold } = change
    if (hold === null) return
    const before = this.holds.get(hold.id)?.state
    expect(before === 'settled' || before === 'released').toBe(false)
    this.holds.set(hold.id, hold)
  }

  check(image: Image): void {
    for (const { entries } of this.journals) expect(sum(entries.map(([, amount]) => amount))).toBe(0n)
    const open = [...this.holds.values()].filter(
      (hold) => hold.state !== 'settled' && hold.state !== 'released',
    )
    const lines = this.journals.flatMap((journal) => journal.entries)
    for (const account of image.accounts.values()) {
      const own = lines.filter(([id]) => id === account.id).map(([, amount]) => amount)
      expect(account.posted).toBe(sum(own))
      const held = open.filter((hold) => hold.accountId === account.id)
      expect(account.held).toBe(sum(held.map((hold) => hold.amount)))
      if (account.floor === 1) expect(account.posted - account.held >= 0n).toBe(true)
    }
    for (const [key, limit] of image.limits) {
      const carried = [...this.holds.values()].filter((hold) => hold.limits.includes(key))
      const charged = this.journals
        .filter((journal) => carried.some((hold) => hold.id === journal.reference))
        .flatMap((journal) => journal.entries.filter(([id]) => id === 'org:o:credit'))
      expect(limit.spent).toBe(-sum(charged.map(([, amount]) => amount)))
      expect(limit.held).toBe(sum(carried.filter((hold) => open.includes(hold)).map((hold) => hold.amount)))
      const last = this.caps.get(key)
      if (last != null) expect(limit.spent + limit.held <= last).toBe(true)
    }
  }
}

describe('the state machine', () => {
  it('keeps every invariant under any commands', () => {
    fc.assert(
      fc.property(fc.array(command, { maxLength: 60 }), (makers) => {
        const image = emptyImage()
        const book = new Book()
        makers.forEach((make, n) => {
          const decision = decide(image, make(n))
          if (!decision.ok) return
          apply(image, decision.change)
          book.write(decision.change)
          book.check(image)
        })
      }),
      { numRuns: 300 },
    )
  })

  it('changes nothing while it decides', () => {
    const image = run([credit(100, 'a'), reserve('h', 50, { limits: [cap('total', 70n)] })])
    const before = text(image)
    for (const one of [credit(5, 'b'), settle('h', 20), reserve('i', 10), reserve('j', 500)]) {
      decide(image, one)
    }
    expect(text(image)).toBe(before)
  })

  it('gives the same total in whatever order requests are settled', () => {
    const start = [credit(1_000, 'a'), ...[1, 2, 3, 4].map((n) => reserve(`h${n}`, 100))]
    const ends = [settle('h1', 10), settle('h2', 20), settle('h3', 30, false), settle('h4', 40)]
    const total = (order: Command[]) => run([...start, ...order]).accounts.get('org:o:credit')!.posted
    expect(total(ends)).toBe(930n)
    expect(total(ends.toReversed())).toBe(930n)
  })

  it('lets the customer pay beyond the hold only what is free on balance and caps', () => {
    const paid = (balance: number, limit: bigint | null) => {
      const image = run([credit(balance, 'a'), reserve('h', 10, { limits: [cap('total', limit)] })])
      const decision = decide(image, settle('h', 100))
      return decision.ok ? decision.settled : null
    }
    expect(paid(1_000, null)).toMatchObject({ chargedNanos: 100n, writtenOffNanos: 0n })
    expect(paid(40, null)).toMatchObject({ chargedNanos: 40n, writtenOffNanos: 60n })
    expect(paid(1_000, 25n)).toMatchObject({ chargedNanos: 25n, writtenOffNanos: 75n })
    expect(paid(10, null)).toMatchObject({ chargedNanos: 10n, writtenOffNanos: 90n })
  })

  it('books an overrun as revenue that the platform pays, and what the provider is owed', () => {
    const image = run([credit(40, 'a'), reserve('h', 10)])
    const decision = decide(image, settle('h', 100))
    expect(decision.ok && decision.change.journal?.entries).toEqual([
      ['org:o:credit', -40n],
      ['platform:writeoff', -60n],
      ['rev:usage', 100n],
      ['cost:p', -100n],
      ['payable:p', 100n],
    ])
  })

  it('keeps simulated calls out of revenue and costs', () => {
    const image = run([reserve('h', 10, { account: 'test' })])
    const decision = decide(image, settle('h', 5))
    expect(decision.ok && decision.change.journal?.entries).toEqual([
      ['org:o:test', -5n],
      ['rev:test', 5n],
    ])
  })

  it('writes no journal for a charge of nothing', () => {
    const image = run([credit(40, 'a'), reserve('h', 10)])
    const decision = decide(image, settle('h', 0))
    expect(decision.ok && decision.change.journal).toBeNull()
    expect(decision.ok && decision.settled?.chargedNanos).toBe(0n)
  })

  it('adds the markup to the charge, not to what the provider is owed', () => {
    const image = run([credit(1_000, 'a'), reserve('h', 200)])
    const decision = decide(image, { ...settle('h', 100), markupPpm: 100_000n } as Command)
    expect(decision.ok && decision.settled).toMatchObject({
      chargedNanos: 110n,
      upstreamCompletionNanos: 100n,
    })
  })

  it('refuses a negative hold and a second one of the same id', () => {
    const image = run([credit(100, 'a'), reserve('h', 10)])
    expect(() => decide(image, reserve('i', -1))).toThrow(/negative/)
    expect(decide(image, reserve('h', 1))).toEqual({ ok: false, denial: { kind: 'duplicate' } })
  })
})

describe('the resolution of a hold left behind', () => {
  const base = run([credit(100, 'a'), reserve('h', 10)]).holds.get('h')!
  const context = { providerId: 'p', markupPpm: 0n }
  const usage = { ...NO_USAGE, completionTokens: 4 }

  it('releases what was reserved or dispatched, and a stream without tokens', () => {
    expect(resolution(base, 1, context).type).toBe('release')
    expect(resolution({ ...base, state: 'dispatched', usage }, 1, context).type).toBe('release')
    expect(resolution({ ...base, state: 'streaming', usage: NO_USAGE }, 1, context).type).toBe('release')
    expect(resolution({ ...base, state: 'streaming' }, 1, context).type).toBe('release')
  })

  it('settles a stream on its last checkpoint', () => {
    const hold: Hold = { ...base, state: 'streaming', endpointId: ENDPOINT, usage }
    expect(resolution(hold, 1, context)).toMatchObject({ type: 'settle', usage, charge: true })
  })
})

it('names a limit row so that ids cannot be confused', () => {
  const a = limitKey({ scope: 'key', scopeId: 'a","daily",0]', span: 'total', windowStart: 0 })
  const b = limitKey({ scope: 'key', scopeId: 'a', span: 'daily', windowStart: 0 })
  expect(a).not.toBe(b)
})

function run(commands: readonly Command[]): Image {
  const image = emptyImage()
  for (const one of commands) {
    const decision = decide(image, one)
    if (decision.ok) apply(image, decision.change)
  }
  return image
}

function text(image: Image): string {
  const maps = [image.accounts, image.limits, image.holds].map((map) => [...map])
  return JSON.stringify(maps, (_, value) => (typeof value === 'bigint' ? `${value}n` : value))
}

function big(value: number | null): bigint | null {
  return value === null ? null : BigInt(value)
}

function sum(values: readonly bigint[]): bigint {
  return values.reduce((a, b) => a + b, 0n)
}
