import { sql } from 'kysely'
import type { AlertDeliveryRow, AlertRow, Store } from '../store/index.ts'
import { type Destination, destinationId, labelOf } from './destination.ts'
import { GIVE_UP_MS, nextTry, STALE_MS } from './schedule.ts'
import type { Sent } from './send.ts'

/** Longer than any try takes: when it has passed, the node that tried is dead and another one tries again. */
const LEASE_MS = 60_000
/** Alerts and deliveries taken up at once. */
const PAGE = 50

/** Written out, not bound, so that the partial indexes serve and a round without news reads nothing. */
const NEW = sql<boolean>`sent = 0`
const PENDING = sql<boolean>`state = 'pending'`
const GONE = sql<boolean>`state = 'gone'`

/** A delivery that this node, and no other, tries now. */
export interface Claimed {
  readonly delivery: AlertDeliveryRow
  readonly alert: AlertRow
}

/** The alerts that have no deliveries yet get them, one for each destination. Done twice it changes nothing. */
export async function spread(store: Store, destinations: readonly Destination[], now: number): Promise<void> {
  const fresh = await store.db
    .selectFrom('alerts')
    .selectAll()
    .where(NEW)
    .orderBy('created_at')
    .limit(PAGE)
    .execute()
  if (fresh.length === 0) return
  const gone = await goneDestinations(store)
  const mutes = await store.db.selectFrom('alert_mutes').selectAll().execute()
  const quiet = new Set(mutes.map((row) => muteKey(row)))
  for (const alert of fresh) {
    const { organization_id, scope, scope_id } = alert
    const muted = [scope_id, '*'].some((id) => quiet.has(muteKey({ organization_id, scope, scope_id: id })))
    if (Number(alert.created_at) >= now - STALE_MS) {
      const rows = destinations.map((one) => {
        const state = muted ? 'muted' : gone.has(destinationId(one)) ? 'gone' : 'pending'
        return deliveryOf(alert.id, one, { state, now })
      })
      await insert(store, rows)
    }
    await store.db.updateTable('alerts').set({ sent: 1 }).where('id', '=', alert.id).execute()
  }
}

function muteKey(row: { organization_id: string; scope: string; scope_id: string }): string {
  return JSON.stringify([row.organization_id, row.scope, row.scope_id])
}

async function goneDestinations(store: Store): Promise<Set<string>> {
  const rows = await store.db
    .selectFrom('alert_deliveries')
    .select('destination')
    .distinct()
    .where(GONE)
    .execute()
  return new Set(rows.map((row) => row.destination))
}

/** A delivery that was not tried yet. */
export function deliveryOf(
  alertId: string,
  destination: Destination,
  { state, now }: { readonly state: string; readonly now: number },
): AlertDeliveryRow {
  return {
    alert_id: alertId,
    destination: destinationId(destination),
    label: labelOf(destination).slice(0, 200),
    state,
    attempts: 0,
    next_at: BigInt(now),
    leased_until: 0n,
    last_status: null,
    last_error: null,
    created_at: BigInt(now),
    updated_at: BigInt(now),
  }
}

export async function insert(store: Store, rows: readonly AlertDeliveryRow[]): Promise<void> {
  if (rows.length === 0) return
  await store.db
    .insertInto('alert_deliveries')
    .values([...rows])
    .onConflict((conflict) => conflict.doNothing())
    .execute()
}

/** What is due to `destinations` and nobody else is trying. */
export async function claim(store: Store, destinations: readonly string[], now: number): Promise<Claimed[]> {
  const due = await store.db
    .selectFrom('alert_deliveries')
    .selectAll()
    .where(PENDING)
    .where('next_at', '<=', BigInt(now))
    .where('leased_until', '<=', BigInt(now))
    .where('destination', 'in', [...destinations])
    .orderBy('next_at')
    .limit(PAGE)
    .execute()
  const claimed: Claimed[] = []
  for (const delivery of due) {
    const leased_until = BigInt(now + LEASE_MS)
    const { numUpdatedRows } = await store.db
      .updateTable('alert_deliveries')
      .set({ leased_until })
      .where('alert_id', '=', delivery.alert_id)
      .where('destination', '=', delivery.destination)
      .where('state', '=', 'pending')
      .where('attempts', '=', delivery.attempts)
      .where('leased_until', '=', delivery.leased_until)
      .executeTakeFirstOrThrow()
    if (numUpdatedRows !== 1n) continue
    const alert = await store.db
      .selectFrom('alerts')
      .selectAll()
      .where('id', '=', delivery.alert_id)
      .executeTakeFirst()
    if (alert !== undefined) claimed.push({ delivery: { ...delivery, leased_until }, alert })
  }
  return claimed
}

/**
 * Writes down what became of a try; one whose lease ran out meanwhile belongs to another node.
 * @returns the state that the delivery is in now
 */
export async function note(
  store: Store,
  delivery: AlertDeliveryRow,
  sent: Sent,
  { now, random }: { readonly now: number; readonly random: number },
): Promise<AlertDeliveryRow['state']> {
  const attempts = delivery.attempts + 1
  const again = nextTry({ createdAt: Number(delivery.created_at), attempts }, now, random)
  const state = sent.ok ? 'delivered' : sent.gone ? 'gone' : again === null ? 'failed' : 'pending'
  await store.db
    .updateTable('alert_deliveries')
    .set({
      state,
      attempts,
      next_at: BigInt(again ?? now),
      leased_until: 0n,
      last_status: sent.status,
      last_error: sent.error,
      updated_at: BigInt(now),
    })
    .where('alert_id', '=', delivery.alert_id)
    .where('destination', '=', delivery.destination)
    .where('leased_until', '=', delivery.leased_until)
    .execute()
  if (sent.gone) await moveAll(store, delivery.destination, ['pending', 'gone'], now)
  return state
}

/** All deliveries to a destination that are in one state go to another: it wants no more, or is back. */
export async function moveAll(
  store: Store,
  destination: string,
  [from, to]: readonly [string, string],
  now: number,
): Promise<void> {
  await store.db
    .updateTable('alert_deliveries')
    .set({ state: to, updated_at: BigInt(now) })
    .where('destination', '=', destination)
    .where('state', '=', from)
    .execute()
}

/** Ends deliveries to destinations that nobody has any more. */
export async function abandon(store: Store, now: number): Promise<void> {
  await store.db
    .updateTable('alert_deliveries')
    .set({ state: 'failed', last_error: 'no longer configured', updated_at: BigInt(now) })
    .where(PENDING)
    .where('created_at', '<', BigInt(now - GIVE_UP_MS))
    .execute()
}
