import {
  type Alert,
  type AlertRules,
  type AlertStep,
  type Change,
  type Credit,
  creditReference,
  type Hold,
  type Image,
} from './state.ts'

/** Nothing is told. */
export const NO_RULES: AlertRules = { thresholds: [], lowBalanceNanos: null }

type Told = Pick<Change, 'alerts'>

const NOTHING: Told = {}

/**
 * What a charge makes worth telling: shares of caps that it reaches and a prepaid balance that it takes below the low
 * mark. Pure; where nothing is crossed it costs two divisions for each cap.
 */
export function crossings(
  image: Image,
  { hold, charged, now }: { readonly hold: Hold; readonly charged: bigint; readonly now: number },
  rules: AlertRules,
): Told {
  if (charged === 0n) return NOTHING
  let steps: AlertStep[] | null = null
  const about = { owner: hold.owner, cause: hold.id, at: now }
  for (const key of hold.limits) {
    const row = image.limits.get(key)
    if (row === undefined || row.cap === null || row.cap <= 0n) continue
    const before = (row.spent * 100n) / row.cap
    const after = ((row.spent + charged) * 100n) / row.cap
    if (before === after) continue
    for (const percent of rules.thresholds) {
      const threshold = BigInt(percent)
      if (threshold <= before || threshold > after) continue
      steps ??= []
      const amountNanos = row.spent + charged
      steps.push(alert({ ...row.ref, threshold, capNanos: row.cap, amountNanos, ...about }))
    }
  }
  const account = image.accounts.get(hold.accountId)
  if (account?.floor === 1 && rules.lowBalanceNanos !== null) {
    const low = fall(account.posted, account.posted - charged, rules.lowBalanceNanos, about)
    if (low !== null) {
      steps ??= []
      steps.push(low)
    }
  }
  return steps === null ? NOTHING : { alerts: steps }
}

/**
 * What a change of credit makes worth telling. A balance that was low is told again only after it was a quarter above
 * the mark, so that small top-ups do not make it call each time.
 */
export function tide(posted: bigint, command: Credit, { lowBalanceNanos: low }: AlertRules): Told {
  if (low === null) return NOTHING
  const { organizationId, amount, now } = command
  const after = posted + amount
  if (amount > 0n && after * 4n >= low * 5n) return { alerts: [{ type: 'rearm', organizationId, at: now }] }
  const about = { owner: { organizationId }, cause: creditReference(command), at: now }
  const fallen = fall(posted, after, low, about)
  return fallen === null ? NOTHING : { alerts: [fallen] }
}

function fall(
  before: bigint,
  after: bigint,
  low: bigint,
  about: Pick<Alert, 'owner' | 'cause' | 'at'>,
): AlertStep | null {
  if (before < low || after >= low) return null
  return alert({
    scope: 'balance',
    scopeId: about.owner.organizationId,
    span: 'total',
    windowStart: 0,
    threshold: low,
    capNanos: null,
    amountNanos: after,
    ...about,
  })
}

function alert(told: Alert): AlertStep {
  return { type: 'alert', alert: told }
}
