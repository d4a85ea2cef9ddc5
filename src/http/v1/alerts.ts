import { z } from 'zod'
import { facts, findAlert, type ListedAlert, listAlerts, listMutes, setMute } from '../../alerts/index.ts'
import { GatewayError } from '../../chat/index.ts'
import type { AlertDeliveryRow } from '../../store/index.ts'
import { alertWords } from '../alert-words.ts'
import { type Gateway, organizationOf, type RouteContext } from '../gateway.ts'
import { readBody } from '../validate.ts'

const MAX_PAGE = 100
/** What can be muted as a kind. */
const SCOPES = [
  'key',
  'balance',
  'budget-organization',
  'budget-workspace',
  'budget-member',
  'budget-user',
] as const

const MuteOne = z.strictObject({ muted: z.boolean().default(true) })
const MuteKind = z.strictObject({ kind: z.enum(SCOPES), muted: z.boolean().default(true) })

/** `GET /alerts`: what was told about the organization's money, the newest first, and where it went. */
export async function showAlerts(gateway: Gateway, c: RouteContext): Promise<Response> {
  const organizationId = organizationOf(c.get('caller'))
  const limit = number(c, 'limit', 50)
  if (limit < 1 || limit > MAX_PAGE)
    throw new GatewayError('invalid_request', `"limit" must be a whole number from 1 to ${MAX_PAGE}.`)
  const before = c.req.query('before') === undefined ? null : number(c, 'before', 0)
  const listed = await listAlerts(gateway.store, organizationId, { limit, before })
  const mutes = await listMutes(gateway.store, organizationId)
  return c.json({
    data: listed.map(alertObject),
    muted: mutes.map(({ scope, scope_id, created_at }) => ({
      kind: scope,
      scope_id: scope_id === '*' ? null : scope_id,
      since: iso(created_at),
    })),
    /** `before` of the next page. */
    next: listed.length < limit ? null : Number(listed.at(-1)!.alert.created_at),
  })
}

/** `POST /alerts/test`: sends a test to every destination now and tells what each said. */
export async function testAlerts(gateway: Gateway, c: RouteContext): Promise<Response> {
  if (gateway.snapshot.config.alerts.destinations.length === 0)
    throw new GatewayError(
      'invalid_request',
      'No destination is configured. Name one under alerts.destinations in waybill.yaml; see docs/guide/alerts.md.',
    )
  const tested = await gateway.alerts.test(organizationOf(c.get('caller')))
  const data = tested.map(({ label, ok, status, error }) => ({ destination: label, ok, status, error }))
  return c.json({ data })
}

/** `POST /alerts/{id}/mute`: no more of the key, budget or balance that this alert is about; `{"muted": false}` ends it. */
export async function muteAlert(gateway: Gateway, c: RouteContext): Promise<Response> {
  const { muted } = await readBody(gateway, c, MuteOne)
  const organizationId = organizationOf(c.get('caller'))
  const alert = await findAlert(gateway.store, organizationId, c.req.param('id') ?? '')
  if (alert === undefined)
    throw new GatewayError('not_found', 'No alert with this id. List them with GET /api/v1/alerts.')
  return await mute(gateway, c, { scope: alert.scope, scopeId: alert.scope_id, muted })
}

/** `POST /alerts/mute`: no more of a kind, such as `key` or `balance`; `{"muted": false}` ends it. */
export async function muteKind(gateway: Gateway, c: RouteContext): Promise<Response> {
  const { kind, muted } = await readBody(gateway, c, MuteKind)
  return await mute(gateway, c, { scope: kind, scopeId: '*', muted })
}

async function mute(
  gateway: Gateway,
  c: RouteContext,
  { scope, scopeId, muted }: { readonly scope: string; readonly scopeId: string; readonly muted: boolean },
): Promise<Response> {
  const organizationId = organizationOf(c.get('caller'))
  await setMute(gateway.store, { organizationId, scope, scopeId }, muted, gateway.clock.now())
  return c.json({ data: { kind: scope, scope_id: scopeId === '*' ? null : scopeId, muted } })
}

function alertObject({ alert, deliveries }: ListedAlert): Record<string, unknown> {
  return { ...facts(alert, alertWords), deliveries: deliveries.map(deliveryObject) }
}

function deliveryObject(row: AlertDeliveryRow): Record<string, unknown> {
  return {
    destination: row.label,
    state: row.state,
    attempts: row.attempts,
    last_status: row.last_status,
    last_error: row.last_error,
    next_attempt_at: row.state === 'pending' ? iso(row.next_at) : null,
    updated_at: iso(row.updated_at),
  }
}

function number(c: RouteContext, name: string, fallback: number): number {
  const text = c.req.query(name)
  if (text === undefined) return fallback
  if (!/^\d{1,15}$/.test(text)) throw new GatewayError('invalid_request', `"${name}" must be a whole number.`)
  return Number(text)
}

function iso(ms: bigint): string {
  return new Date(Number(ms)).toISOString()
}
