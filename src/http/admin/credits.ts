import { z } from 'zod'
import { GatewayError } from '../../chat/index.ts'
import { formatUsd, LedgerError, nanosToDecimal } from '../../money/index.ts'
import { type Gateway, organizationOf, type RouteContext } from '../gateway.ts'
import { readUsd } from '../money.ts'
import { creditsMode } from '../v1/credits.ts'
import { readBody } from '../validate.ts'

const Add = z.strictObject({
  amount_usd: z.union([z.number(), z.string()]),
  organization_id: z.string().max(128).optional(),
  /** The same reference is credited once, however often it is sent. */
  reference: z.string().min(1).max(200).optional(),
  memo: z.string().max(500).optional(),
})

/** `POST /admin/credits`: adds credit by hand (a negative amount corrects); never below what is held. */
export async function addCredit(gateway: Gateway, c: RouteContext): Promise<Response> {
  const body = await readBody(gateway, c, Add)
  const amountNanos = readUsd(body.amount_usd, 'amount_usd')
  if (amountNanos === 0n) throw new GatewayError('invalid_request', '"amount_usd" must not be 0.')
  const organizationId = body.organization_id ?? organizationOf(c.get('caller'))
  if (gateway.organizations.find(organizationId) === undefined)
    throw new GatewayError('not_found', `No organization "${organizationId}".`)
  try {
    await gateway.ledger.credit({
      organizationId,
      amountNanos,
      source: 'manual',
      reference: body.reference ?? gateway.ids.next(),
      memo: body.memo ?? null,
      now: gateway.clock.now(),
    })
  } catch (error) {
    throw error instanceof LedgerError ? await refusal(gateway, organizationId, error) : error
  }
  return c.json({ data: await balance(gateway, organizationId) }, 201)
}

async function refusal(gateway: Gateway, organizationId: string, error: LedgerError): Promise<GatewayError> {
  if (error.fault === 'conflict')
    return new GatewayError('conflict', 'This reference was credited before, with another amount.')
  if (error.fault === 'overflow')
    return new GatewayError('invalid_request', 'All credit together may be 9 billion USD at most.')
  if (error.fault !== 'refused')
    return new GatewayError('unavailable', 'The ledger cannot take this at the moment. Try again shortly.', {
      retryAfterMs: 1000,
      cause: error,
    })
  const { availableNanos } = await gateway.ledger.balance(organizationId, 'prepaid')
  return new GatewayError(
    'payment_required',
    `The balance would fall below zero: ${formatUsd(availableNanos)} is available.`,
  )
}

/** `GET /admin/credits`: the balance in full: exact decimal strings in USD. */
export async function showCredit(gateway: Gateway, c: RouteContext): Promise<Response> {
  return c.json({
    data: await balance(gateway, c.req.query('organization_id') ?? organizationOf(c.get('caller'))),
  })
}

async function balance(gateway: Gateway, organizationId: string): Promise<Record<string, unknown>> {
  const [prepaid, unlimited] = await Promise.all([
    gateway.ledger.balance(organizationId, 'prepaid'),
    gateway.ledger.balance(organizationId, 'unlimited'),
  ])
  return {
    organization_id: organizationId,
    credits: creditsMode(gateway, organizationId),
    available_usd: nanosToDecimal(prepaid.availableNanos),
    posted_usd: nanosToDecimal(prepaid.postedNanos),
    held_usd: nanosToDecimal(prepaid.heldNanos + unlimited.heldNanos),
    credited_usd: nanosToDecimal(prepaid.creditedNanos),
    used_usd: nanosToDecimal(prepaid.usedNanos + unlimited.usedNanos),
  }
}
