import type { AlertRow } from '../store/index.ts'

/** How amounts and windows are told; the room of money knows. */
export interface Words {
  /** `$1.25` */
  readonly usd: (nanos: bigint) => string
  /** `1.25` */
  readonly decimal: (nanos: bigint) => string
  /** First ms of the next window; null: there is none. */
  readonly windowEnd: (span: string, windowStart: number) => number | null
}

/** What an alert says: a sentence for people, an object for programs. */
export interface Message {
  readonly id: string
  readonly subject: string
  readonly text: string
  readonly payload: Readonly<Record<string, unknown>>
}

/** @param subject whose cap it is, e.g. `API key "ci"`; for a balance the name of the organization */
export function messageOf(alert: AlertRow, subject: string, words: Words): Message {
  const text = sentence(alert, subject, words)
  const type = alert.scope === 'balance' ? 'balance.low' : alert.scope === 'test' ? 'test' : 'limit.threshold'
  return {
    id: alert.id,
    subject: `Waybill: ${text.split(/[:;.] /, 1)[0]}`.slice(0, 160),
    text,
    payload: { type, timestamp: iso(alert.created_at), data: { ...facts(alert, words), message: text } },
  }
}

/** An alert as the API and webhooks have it. */
export function facts(alert: AlertRow, words: Words): Record<string, unknown> {
  const about = {
    id: alert.id,
    organization_id: alert.organization_id,
    workspace_id: alert.workspace_id,
    scope: alert.scope,
    scope_id: alert.scope_id,
    cause: alert.cause,
    created_at: iso(alert.created_at),
  }
  if (alert.scope === 'test') return about
  if (alert.scope === 'balance') {
    return {
      ...about,
      threshold_usd: words.decimal(alert.threshold),
      balance_usd: words.decimal(alert.amount_nanos),
    }
  }
  const ends = resetOf(alert, words)
  return {
    ...about,
    reset_interval: alert.span === 'total' ? null : alert.span,
    window_start: alert.span === 'total' ? null : iso(alert.window_start),
    resets_at: ends === null ? null : iso(BigInt(ends)),
    threshold_percent: Number(alert.threshold),
    limit_usd: words.decimal(alert.cap_nanos ?? 0n),
    spent_usd: words.decimal(alert.amount_nanos),
  }
}

function sentence(alert: AlertRow, subject: string, words: Words): string {
  if (alert.scope === 'test') return 'This is a test alert of Waybill: alerts arrive here. Nothing is wrong.'
  const amount = words.usd(alert.amount_nanos)
  if (alert.scope === 'balance')
    return `The credit of ${subject} is down to ${amount}, below ${words.usd(alert.threshold)}. At nothing its requests are refused; add some with: waybill credits add`
  const cap = words.usd(alert.cap_nanos ?? 0n)
  const limit = alert.span === 'total' ? 'limit' : `${alert.span} limit`
  const ends = resetOf(alert, words)
  const fresh = ends === null ? '' : ` It starts anew at ${minute(ends)} UTC.`
  if (alert.threshold >= 100n)
    return `${subject} has used up its ${limit} of ${cap}: requests are refused.${fresh}`
  return `${subject} has used ${alert.threshold} % of its ${limit}: ${amount} of ${cap}.${fresh}`
}

function resetOf({ span, window_start }: AlertRow, words: Words): number | null {
  return words.windowEnd(span, Number(window_start))
}

function iso(ms: bigint): string {
  return new Date(Number(ms)).toISOString()
}

function minute(ms: number): string {
  return new Date(ms).toISOString().slice(0, 16).replace('T', ' ')
}
