import { NO_USAGE } from '../chat/index.ts'
import { crossings, NO_RULES, tide } from './crossings.ts'
import type { LimitRef, ReserveCommand, SettleResult } from './ledger.ts'
import { type Quote, quote } from './price.ts'
import {
  type AccountDelta,
  type AlertRules,
  accountId,
  type Change,
  type Command,
  type Credit,
  creditReference,
  type Decision,
  type Draft,
  type Hold,
  type Image,
  type LimitDelta,
  limitKey,
  type Mark,
  type Settle,
} from './state.ts'

const NOTHING: Change = { hold: null, accounts: [], limits: [], journal: null }
const NO_HOLD: Decision = { ok: false, denial: { kind: 'no_hold' } }
const OVERFLOW: Decision = { ok: false, denial: { kind: 'overflow' } }

/** Most that credit may add up to on an account, nano-USD: 9 billion USD, within the 64 bits of a column with room for charges. */
const MOST = 9_000_000_000_000_000_000n

/**
 * Decides one command against the image, changing nothing: the single truth of both engines.
 * @param rules what of it people are to be told
 */
export function decide(image: Image, command: Command, rules: AlertRules = NO_RULES): Decision {
  switch (command.type) {
    case 'reserve':
      return reserve(image, command.reserve, command.node)
    case 'extend':
      return extend(image, command.id, command.amount)
    case 'checkpoint':
      return checkpoint(image, command.id, command.mark)
    case 'settle':
      return settle(image, command, rules)
    case 'release':
      return release(image, command.id)
    case 'credit':
      return credit(image, command, rules)
  }
}

function reserve(image: Image, command: ReserveCommand, node: string): Decision {
  if (command.amountNanos < 0n) throw new RangeError(`hold ${command.id}: amount is negative`)
  if (image.holds.has(command.id)) return { ok: false, denial: { kind: 'duplicate' } }
  const amount = command.amountNanos
  const id = accountId(command.owner.organizationId, command.account)
  const floor = command.account === 'prepaid' ? 1 : 0
  const available = free(image, id)
  if (floor === 1 && available < amount) return shortOfBalance(available, amount)
  const limits: LimitDelta[] = []
  for (const ref of command.limits) {
    const key = limitKey(ref)
    const row = image.limits.get(key)
    if (ref.capNanos !== null) {
      const remaining = ref.capNanos - (row === undefined ? 0n : row.spent + row.held)
      if (remaining < amount) return overLimit(ref, remaining, amount)
    }
    const organizationId = command.owner.organizationId
    limits.push({ key, spent: 0n, held: amount, admitted: { ref, organizationId } })
  }
  const hold = newHold(command, node)
  const account = {
    id,
    organizationId: command.owner.organizationId,
    floor,
    posted: 0n,
    held: amount,
  } as const
  return { ok: true, change: { hold, accounts: [account], limits, journal: null }, settled: null }
}

/** The hold that a reserve makes when it is accepted. */
export function newHold(command: ReserveCommand, node: string): Hold {
  return {
    id: command.id,
    owner: command.owner,
    state: 'reserved',
    accountId: accountId(command.owner.organizationId, command.account),
    amount: command.amountNanos,
    limits: command.limits.map(limitKey),
    tariffs: command.tariffs,
    attempt: 0,
    endpointId: null,
    usage: null,
    node,
    createdAt: command.now,
    expiresAt: command.expiresAt,
  }
}

function extend(image: Image, id: string, amount: bigint): Decision {
  const hold = image.holds.get(id)
  if (hold === undefined) return NO_HOLD
  const more = amount - hold.amount
  if (more <= 0n) return { ok: true, change: NOTHING, settled: null }
  const account = image.accounts.get(hold.accountId)
  if (account?.floor === 1 && free(image, account.id) < more) {
    return shortOfBalance(free(image, account.id), more)
  }
  for (const key of hold.limits) {
    const row = image.limits.get(key)
    if (row === undefined || row.cap === null) continue
    const remaining = row.cap - row.spent - row.held
    if (remaining < more) return overLimit({ ...row.ref, capNanos: row.cap }, remaining, more)
  }
  const change: Change = {
    hold: { ...hold, amount },
    accounts: [draw(hold, 0n, more)],
    limits: hold.limits.map((key) => ({ key, spent: 0n, held: more })),
    journal: null,
  }
  return { ok: true, change, settled: null }
}

function checkpoint(image: Image, id: string, mark: Mark): Decision {
  const hold = image.holds.get(id)
  if (hold === undefined) return NO_HOLD
  const { attempt, endpointId, usage, phase } = mark
  return {
    ok: true,
    change: { ...NOTHING, hold: { ...hold, attempt, endpointId, usage, state: phase } },
    settled: null,
  }
}

function settle(image: Image, command: Settle, rules: AlertRules): Decision {
  const hold = image.holds.get(command.id)
  if (hold === undefined) return NO_HOLD
  const tariff = command.endpointId === null ? undefined : hold.tariffs.get(command.endpointId)
  const price = quote(tariff ?? null, command.usage, command.markupPpm)
  const due = command.charge && price !== null ? price.nanos : 0n
  const charged = min(due, payable(image, hold, price?.clamped ?? false))
  const entries = lines(hold, command, { charged, writtenOff: due - charged, price })
  const settled: SettleResult = {
    chargedNanos: price === null && command.charge && command.endpointId !== null ? null : charged,
    upstreamPromptNanos: price === null ? null : price.upstreamNanos - completionNanos(price),
    upstreamCompletionNanos: price === null ? null : completionNanos(price),
    writtenOffNanos: due - charged,
  }
  const change: Change = {
    hold: {
      ...hold,
      state: 'settled',
      endpointId: command.endpointId ?? hold.endpointId,
      usage: command.usage,
    },
    accounts: moved(draw(hold, -charged, -hold.amount), entries),
    limits: hold.limits.map((key) => ({ key, spent: charged, held: -hold.amount })),
    journal:
      entries.length === 0
        ? null
        : {
            kind: 'charge',
            reference: hold.id,
            organizationId: hold.owner.organizationId,
            at: command.now,
            memo: null,
            entries,
          },
    ...crossings(image, { hold, charged, now: command.now }, rules),
  }
  return { ok: true, change, settled }
}

/**
 * The lines of a charge. The customer pays `charged` to revenue; what balance or limits could not bear is revenue too,
 * paid by `platform:writeoff`. The price of each provider accrues as a debt to it. Up to the price of what is charged,
 * `cost:<provider>` bears it; the rest, and all when the customer is not charged, is borne by `platform:insurance`.
 * Simulated calls stay among test accounts.
 */
function lines(
  hold: Hold,
  command: Settle,
  sums: { readonly charged: bigint; readonly writtenOff: bigint; readonly price: Quote | null },
): (readonly [string, bigint])[] {
  const { charged, writtenOff, price } = sums
  const test = hold.accountId.endsWith(':test')
  const entries: (readonly [string, bigint])[] = []
  if (charged !== 0n) entries.push([hold.accountId, -charged])
  if (writtenOff !== 0n) entries.push([test ? 'platform:test' : 'platform:writeoff', -writtenOff])
  if (charged + writtenOff !== 0n) entries.push([test ? 'rev:test' : 'rev:usage', charged + writtenOff])
  if (test) return entries
  const provider = command.providerId ?? 'unknown'
  const debts = debtsOf(hold, command, price)
  const total = debts.reduce((sum, [, nanos]) => sum + nanos, 0n)
  const own = command.charge ? min(price?.upstreamNanos ?? 0n, total) : 0n
  if (own !== 0n) entries.push([`cost:${provider}`, -own])
  if (total !== own) entries.push(['platform:insurance', own - total])
  for (const [to, nanos] of debts) entries.push([`payable:${to}`, nanos])
  return entries
}

/** What each provider gets for its work; nothing where the price is unknown. */
function debtsOf(hold: Hold, command: Settle, price: Quote | null): [string, bigint][] {
  const debts = new Map<string, bigint>()
  const owe = (provider: string, nanos: bigint) => debts.set(provider, (debts.get(provider) ?? 0n) + nanos)
  if (command.upstream === undefined) owe(command.providerId ?? 'unknown', price?.upstreamNanos ?? 0n)
  for (const { endpointId, providerId, usage } of command.upstream ?? []) {
    owe(providerId, quote(hold.tariffs.get(endpointId) ?? null, usage)?.upstreamNanos ?? 0n)
  }
  return [...debts].filter(([, nanos]) => nanos !== 0n)
}

function release(image: Image, id: string): Decision {
  const hold = image.holds.get(id)
  if (hold === undefined) return NO_HOLD
  const change: Change = {
    hold: { ...hold, state: 'released' },
    accounts: [draw(hold, 0n, -hold.amount)],
    limits: hold.limits.map((key) => ({ key, spent: 0n, held: -hold.amount })),
    journal: null,
  }
  return { ok: true, change, settled: null }
}

function credit(image: Image, command: Credit, rules: AlertRules): Decision {
  const id = accountId(command.organizationId, 'prepaid')
  const available = free(image, id)
  if (available + command.amount < 0n) return shortOfBalance(available, -command.amount)
  const world = platform(`world:${command.source}`, -command.amount)
  if (tooLarge(image, id, command.amount) || tooLarge(image, world.id, world.posted)) return OVERFLOW
  const journal: Draft = {
    kind: command.amount < 0n ? 'adjustment' : 'topup',
    reference: creditReference(command),
    organizationId: command.organizationId,
    at: command.now,
    memo: command.memo,
    entries: [
      [`world:${command.source}`, -command.amount],
      [id, command.amount],
    ],
  }
  const account: AccountDelta = {
    id,
    organizationId: command.organizationId,
    floor: 1,
    posted: command.amount,
    held: 0n,
  }
  return {
    ok: true,
    change: {
      hold: null,
      accounts: [account, world],
      limits: [],
      journal,
      ...tide(image.accounts.get(id)?.posted ?? 0n, command, rules),
    },
    settled: null,
  }
}

/**
 * The most the customer can pay for this hold: the hold and what is free beside it on the account and on every limit. A
 * usage with impossible counts never reaches beyond the hold.
 */
function payable(image: Image, hold: Hold, nonsense: boolean): bigint | null {
  const account = image.accounts.get(hold.accountId)
  let beside: bigint | null = account?.floor === 1 ? free(image, account.id) : null
  for (const key of hold.limits) {
    const row = image.limits.get(key)
    if (row === undefined || row.cap === null) continue
    const room = row.cap - row.spent - row.held
    beside = beside === null || room < beside ? room : beside
  }
  if (nonsense) return hold.amount
  return beside === null ? null : hold.amount + (beside > 0n ? beside : 0n)
}

/** The output's share of the provider's price; with the input's (the rest) it adds up exactly. */
function completionNanos(price: Quote): bigint {
  return (price.completionPicos + 999n) / 1_000n
}

function free(image: Image, id: string): bigint {
  const account = image.accounts.get(id)
  return account === undefined ? 0n : account.posted - account.held
}

function tooLarge(image: Image, id: string, more: bigint): boolean {
  const sum = (image.accounts.get(id)?.posted ?? 0n) + more
  return sum > MOST || sum < -MOST
}

function draw(hold: Hold, posted: bigint, held: bigint): AccountDelta {
  const floor = hold.accountId.endsWith(':credit') ? 1 : 0
  return { id: hold.accountId, organizationId: hold.owner.organizationId, floor, posted, held }
}

function moved(own: AccountDelta, entries: readonly (readonly [string, bigint])[]): AccountDelta[] {
  const deltas = [own]
  for (const [id, amount] of entries) if (id !== own.id) deltas.push(platform(id, amount))
  return deltas
}

function platform(id: string, posted: bigint): AccountDelta {
  return { id, organizationId: null, floor: 0, posted, held: 0n }
}

function shortOfBalance(availableNanos: bigint, neededNanos: bigint): Decision {
  return { ok: false, denial: { kind: 'balance', availableNanos, neededNanos } }
}

function overLimit(limit: LimitRef, remaining: bigint, neededNanos: bigint): Decision {
  const remainingNanos = remaining > 0n ? remaining : 0n
  return { ok: false, denial: { kind: 'limit', limit, remainingNanos, neededNanos } }
}

function min(a: bigint, b: bigint | null): bigint {
  return b === null || a < b ? a : b
}

/** The command that resolves a hold which its process left open: only tokens that were seen are charged. */
export function resolution(
  hold: Hold,
  now: number,
  context: { readonly providerId: string | null; readonly markupPpm: bigint },
): Command {
  const usage = hold.usage ?? NO_USAGE
  const tokens = usage.promptTokens > 0 || usage.completionTokens > 0
  if (hold.state !== 'streaming' || !tokens) return { type: 'release', id: hold.id }
  const { providerId, markupPpm } = context
  return {
    type: 'settle',
    id: hold.id,
    endpointId: hold.endpointId,
    providerId,
    usage,
    charge: true,
    now,
    markupPpm,
  }
}
