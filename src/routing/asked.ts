import type { Endpoint, Resolved } from '../catalog/index.ts'
import type { Plan, PlanRequest, Route, RoutingSnapshot } from './plan.types.ts'
import { unknownModel } from './refusal.ts'
import { routerOf } from './router.ts'

/** A name of the request: a model, or a router that stands for a choice among models. */
export type Asked =
  | { readonly name: string; readonly resolved: Resolved }
  | { readonly name: string; readonly router: 'auto' | 'free'; readonly variants: readonly string[] }

/** What each name of the request means, each endpoint once; the refusal when nobody knows one. */
export function resolveNames(
  request: PlanRequest,
  snapshot: RoutingSnapshot,
): Asked[] | NonNullable<Plan['refusal']> {
  const asked: Asked[] = []
  for (const name of request.models) {
    const router = snapshot.models === undefined ? null : routerOf(name)
    if (router !== null) {
      asked.push({ name, ...router })
      continue
    }
    const resolved = snapshot.resolve(name)
    if (resolved === undefined) return unknownModel(name, request, snapshot)
    const fresh = notAsked(resolved, asked)
    if (fresh !== null) asked.push({ name, resolved: fresh })
  }
  return asked
}

/** A model without the endpoints that it was asked for under another name (`x:free`, then `x`); null when none is left. */
function notAsked(resolved: Resolved, asked: readonly Asked[]): Resolved | null {
  let fresh: Resolved | null = resolved
  for (const one of asked) {
    if (!('resolved' in one) || one.resolved.model.id !== resolved.model.id || fresh === null) continue
    const known: readonly Endpoint[] = one.resolved.endpoints
    const endpoints: readonly Endpoint[] = fresh.endpoints.filter((endpoint) => !known.includes(endpoint))
    fresh = endpoints.length === 0 ? null : { ...fresh, endpoints }
  }
  return fresh
}

/** How a plain name led to its model. */
export function routeOf(name: string, { model }: Resolved): Route {
  const via =
    name === model.id || name.startsWith(`${model.id}:`)
      ? 'direct'
      : name.startsWith('~')
        ? 'latest'
        : 'alias'
  return { requested: name, models: [model.id], via, because: null }
}
