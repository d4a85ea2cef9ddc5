import type { Gateway, RouteContext } from '../gateway.ts'

/** `GET /admin/status`: the installation as `waybill doctor` shows it. Names and states, never values of secrets. */
export function status(gateway: Gateway, c: RouteContext): Response {
  const { snapshot, store } = gateway
  const real = snapshot.catalog.models.filter((model) => !model.id.startsWith('sim/'))
  const reachable = snapshot.catalog.endpoints.filter(
    (endpoint) => !endpoint.simulated && snapshot.targets.reaches(endpoint.providerId),
  )
  return c.json({
    data: {
      version: gateway.version,
      url: new URL(c.req.url).origin,
      database: store.engine === 'sqlite' ? 'embedded database' : 'Postgres',
      credits: snapshot.config.credits,
      models: real.length,
      endpoints_reachable: reachable.length,
      providers: gateway.states.map(({ providerId, name, source, state }) => ({
        id: providerId,
        name,
        source,
        state,
      })),
      refused_credentials: gateway.health.refusedCredentials().map(({ id, code }) => ({ id, code })),
      warnings: snapshot.warnings,
    },
  })
}
