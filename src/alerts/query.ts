import type { AlertDeliveryRow, AlertMuteRow, AlertRow, Store } from '../store/index.ts'

export interface ListedAlert {
  readonly alert: AlertRow
  readonly deliveries: readonly AlertDeliveryRow[]
}

/** Alerts of an organization, the newest first. `before`: ms since the epoch, exclusive. */
export async function listAlerts(
  store: Store,
  organizationId: string,
  page: { readonly limit: number; readonly before: number | null },
): Promise<ListedAlert[]> {
  let query = store.db.selectFrom('alerts').selectAll().where('organization_id', '=', organizationId)
  if (page.before !== null) query = query.where('created_at', '<', BigInt(page.before))
  const alerts = await query.orderBy('created_at', 'desc').orderBy('id').limit(page.limit).execute()
  if (alerts.length === 0) return []
  const ids = alerts.map(({ id }) => id)
  const deliveries = await store.db
    .selectFrom('alert_deliveries')
    .selectAll()
    .where('alert_id', 'in', ids)
    .orderBy('destination')
    .execute()
  return alerts.map((alert) => ({
    alert,
    deliveries: deliveries.filter(({ alert_id }) => alert_id === alert.id),
  }))
}

export async function findAlert(
  store: Store,
  organizationId: string,
  id: string,
): Promise<AlertRow | undefined> {
  return await store.db
    .selectFrom('alerts')
    .selectAll()
    .where('organization_id', '=', organizationId)
    .where('id', '=', id)
    .executeTakeFirst()
}

export async function listMutes(store: Store, organizationId: string): Promise<AlertMuteRow[]> {
  return await store.db
    .selectFrom('alert_mutes')
    .selectAll()
    .where('organization_id', '=', organizationId)
    .orderBy('scope')
    .orderBy('scope_id')
    .execute()
}

/** From now on alerts of this scope are listed but not delivered, or are again. `scopeId` of `*`: all of the scope. */
export async function setMute(
  store: Store,
  mute: { readonly organizationId: string; readonly scope: string; readonly scopeId: string },
  muted: boolean,
  now: number,
): Promise<void> {
  const key = { organization_id: mute.organizationId, scope: mute.scope, scope_id: mute.scopeId }
  if (muted) {
    await store.db
      .insertInto('alert_mutes')
      .values({ ...key, created_at: BigInt(now) })
      .onConflict((conflict) => conflict.doNothing())
      .execute()
  } else {
    await store.db
      .deleteFrom('alert_mutes')
      .where('organization_id', '=', key.organization_id)
      .where('scope', '=', key.scope)
      .where('scope_id', '=', key.scope_id)
      .execute()
  }
}

/** Whose cap it is, in words; for a balance the organization. */
export async function subjectOf(store: Store, alert: AlertRow): Promise<string> {
  const { scope, scope_id: scopeId } = alert
  if (scope === 'key') {
    const key = await store.db
      .selectFrom('api_keys')
      .select('name')
      .where('hash', '=', scopeId)
      .executeTakeFirst()
    return `API key "${key?.name ?? scopeId.slice(0, 12)}"`
  }
  if (scope === 'balance') {
    const found = await store.db
      .selectFrom('organizations')
      .select('name')
      .where('id', '=', scopeId)
      .executeTakeFirst()
    return `organization "${found?.name ?? scopeId}"`
  }
  const whose = scopeId.slice(scopeId.indexOf(':') + 1)
  switch (scope) {
    case 'budget-organization':
      return 'The budget of the organization'
    case 'budget-user':
      return 'The budget of an end user'
    default:
      return `The budget of ${scope.replace(/^budget-/, '')} ${whose}`
  }
}
