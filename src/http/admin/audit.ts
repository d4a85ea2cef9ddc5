import { GatewayError } from '../../chat/index.ts'
import {
  type Explanation,
  explainCharge,
  type JournalCursor,
  type JournalWithLines,
  journalPage,
  nanosToDecimal,
  picoToDecimal,
} from '../../money/index.ts'
import type { Gateway, RouteContext } from '../gateway.ts'
import { lineObject } from '../v1/receipt.ts'

const MAX_PAGE = 1_000

/** `GET /admin/ledger/explain/{id}`: one call's charge as arithmetic, with its hold and its entries. */
export async function explainLedger(gateway: Gateway, c: RouteContext): Promise<Response> {
  // An attempt is explained with its call.
  const id = (c.req.param('id') ?? '').replace(/\.\d+$/, '')
  const found = await explainCharge(gateway.store, id)
  if (found === undefined)
    throw new GatewayError('not_found', `The ledger has no hold "${id}". Ids of calls: waybill logs`)
  return c.json({ data: explanationObject(found) })
}

/** `GET /admin/ledger/journals`: all journals with their entries, in pages: `after`, `since`, `limit`. */
export async function listJournals(gateway: Gateway, c: RouteContext): Promise<Response> {
  const limit = Number(c.req.query('limit') ?? MAX_PAGE)
  if (!Number.isInteger(limit) || limit < 1 || limit > MAX_PAGE)
    throw new GatewayError('invalid_request', `"limit" must be a whole number from 1 to ${MAX_PAGE}.`)
  const cursor = cursorOf(c.req.query('after'))
  const sinceMs = timeOf(c.req.query('since'))
  const journals = await journalPage(gateway.store, { cursor, sinceMs, limit })
  return c.json({
    data: journals.map(journalObject),
    /** `after` of the next page. */
    next: journals.length < limit ? null : journals.at(-1)!.journal.id,
  })
}

/** The id of the last journal of a page is where the next one begins. */
function cursorOf(after: string | undefined): JournalCursor | null {
  if (after === undefined || after === '') return null
  const [, chain, seq] = /^(.{1,300}):(\d{1,18})$/.exec(after) ?? []
  if (chain === undefined || seq === undefined)
    throw new GatewayError('invalid_request', '"after" must be the `next` of the page before.')
  return { chain, seq: BigInt(seq) }
}

function timeOf(since: string | undefined): number {
  if (since === undefined || since === '') return 0
  const ms = /^\d{1,15}$/.test(since) ? Number(since) : Date.parse(since)
  if (Number.isNaN(ms))
    throw new GatewayError(
      'invalid_request',
      '"since" must be a date such as 2026-11-01 or 2026-11-01T12:00:00Z.',
    )
  return ms
}

function journalObject({ journal, lines }: JournalWithLines): Record<string, unknown> {
  return {
    id: journal.id,
    chain: journal.chain,
    seq: Number(journal.seq),
    kind: journal.kind,
    reference: journal.reference,
    organization_id: journal.organization_id,
    at: new Date(Number(journal.at)).toISOString(),
    memo: journal.memo,
    prev_hash: journal.prev_hash,
    hash: journal.hash,
    entries: lines.map(([account, nanos]) => ({
      account,
      amount_nanos: nanos.toString(),
      amount_usd: nanosToDecimal(nanos),
    })),
  }
}

function explanationObject(found: Explanation): Record<string, unknown> {
  const { hold, usage, receipt } = found
  const usd = (nanos: bigint | null) => (nanos === null ? null : nanosToDecimal(nanos))
  return {
    id: hold.id,
    organization_id: hold.organization_id,
    account: hold.account_id,
    state: hold.state,
    created_at: new Date(Number(hold.created_at)).toISOString(),
    hold_usd: usd(hold.amount_nanos),
    limits: limitsOf(hold.limits),
    endpoint: hold.endpoint_id,
    attempt: hold.attempt,
    usage_source: usage?.source ?? null,
    tariff_version: found.tariffVersion,
    lines: receipt?.lines.map(lineObject) ?? null,
    exact_usd: receipt === null ? null : picoToDecimal(receipt.picos),
    price_usd: usd(found.priceNanos),
    markup_usd: usd(found.markupNanos),
    charged_usd: usd(found.chargedNanos),
    written_off_usd: usd(found.writtenOffNanos),
    insurance_usd: usd(found.insuredNanos),
    owed_to_providers_usd: usd(found.owedNanos),
    note: noteOf(found),
    journals: found.journals.map(journalObject),
  }
}

function limitsOf(text: string): Record<string, unknown>[] {
  const keys = JSON.parse(text) as [string, string, string, number][]
  return keys.map(([scope, scopeId, span, start]) => ({
    scope,
    scope_id: scopeId,
    span,
    window_start: span === 'total' ? null : new Date(start).toISOString(),
  }))
}

/** Why the charge is what it is; null when it is simply the price. */
function noteOf({ hold, priceNanos, chargedNanos, writtenOffNanos, receipt }: Explanation): string | null {
  if (hold.state === 'released') return 'Nothing was delivered: the hold went back whole.'
  if (hold.state !== 'settled') return 'The call has not ended: its hold stands.'
  if (receipt === null)
    return 'No price is known for the endpoint: the call cost nothing that the ledger knows.'
  if (chargedNanos === 0n && writtenOffNanos === 0n && priceNanos !== 0n)
    return 'The answer failed or was empty: the customer is not charged, the platform bears the price.'
  if (writtenOffNanos > 0n)
    return 'The price passed what hold, balance and limits could bear: the platform wrote off the rest.'
  return null
}
