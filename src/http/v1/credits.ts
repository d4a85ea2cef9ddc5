import type { ApiKey } from '../../identity/index.ts'
import { type Gateway, organizationOf, type RouteContext } from '../gateway.ts'
import { usdNumber } from '../money.ts'

/** How the organization pays: its own setting, or the configuration's. */
export function creditsMode(gateway: Gateway, organizationId: string): 'prepaid' | 'unlimited' {
  const own = gateway.organizations.find(organizationId)?.credits ?? 'default'
  return own === 'default' ? gateway.snapshot.config.credits : own
}

/** Is this key's money counted? Then nothing without a known price may be asked for in its name. */
export function countsMoney(gateway: Gateway, key: ApiKey): boolean {
  const { organizationId, limitNanos } = key
  if (limitNanos !== null || creditsMode(gateway, organizationId) === 'prepaid') return true
  return gateway.budgets.of(organizationId).length > 0
}

/** `GET /credits`. An unlimited organization owes nothing and has nothing: total_credits equals total_usage. */
export async function credits(gateway: Gateway, c: RouteContext): Promise<Response> {
  const organization = organizationOf(c.get('caller'))
  const [prepaid, unlimited] = await Promise.all([
    gateway.ledger.balance(organization, 'prepaid'),
    gateway.ledger.balance(organization, 'unlimited'),
  ])
  const used = prepaid.usedNanos + unlimited.usedNanos
  const credited =
    creditsMode(gateway, organization) === 'unlimited' ? used : prepaid.creditedNanos + unlimited.usedNanos
  return c.json({ data: { total_credits: usdNumber(credited), total_usage: usdNumber(used) } })
}
