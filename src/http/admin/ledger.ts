import type { Gateway, RouteContext } from '../gateway.ts'

/** `GET /admin/ledger/verify`: recomputes the whole ledger; 200 with `ok: false` names the faulty rows. */
export async function verifyLedger(gateway: Gateway, c: RouteContext): Promise<Response> {
  return c.json({ data: await gateway.ledger.verify() })
}
