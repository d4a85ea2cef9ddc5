import { type ChatRequest, GatewayError } from '../../chat/index.ts'
import type { RequestTarget } from '../../dialects/index.ts'
import type { ApiKey } from '../../identity/index.ts'
import { nanosToDecimal } from '../../money/index.ts'
import { explainPlan } from '../../routing/index.ts'
import type { Caller } from '../authenticate.ts'
import { parseJson } from '../body.ts'
import { type Gateway, organizationOf, type RouteContext } from '../gateway.ts'
import { incomingOf } from '../guard.ts'
import { worstOn } from '../hold.ts'
import type { Surface } from '../journey.ts'
import { decide } from '../plan.ts'
import { withPreset } from '../preset.ts'
import { presetsFor } from '../presets.ts'
import { readRequest } from '../read.ts'
import { sessionOf } from '../sticky.ts'
import { contextTokens } from '../tokens.ts'
import { countsMoney } from './credits.ts'
import { SURFACES } from './inference.ts'
import { refuseUnserved } from './not-yet.ts'
import { requestOfKind } from './route-kind.ts'

/**
 * `POST /route/explain`: where this very request would go and why, planned as the real one is. The body is that of a chat
 * request, of the surface in the query (`?surface=messages`), or, without a conversation, a kind of request. Nobody is
 * called and nothing is held.
 */
export async function explain(gateway: Gateway, c: RouteContext): Promise<Response> {
  const caller = c.get('caller')
  const body = parseJson(await gateway.bodies.read(incomingOf(c)))
  const name = c.req.query('surface') ?? guess(body)
  if (name === null) {
    const { chat, key } = requestOfKind(body)
    return c.json({
      data: { surface: null, ...explained(gateway, keyFor(gateway, caller, key), chat, null) },
    })
  }
  const key = keyFor(gateway, caller, null)
  const { surface, path } = surfaceOf(name, body)
  const presets = presetsFor(gateway, gateway.snapshot, organizationOf(caller))
  const meant = withPreset(surface.dialect.id, { body, target: targetOf(path, c) }, presets)
  const moneyCounts = key !== null && countsMoney(gateway, key)
  const chat = readRequest(surface.dialect, meant.body, meant.target, moneyCounts)
  refuseUnserved(chat, incomingOf(c).headers)
  const session = sessionOf(chat, c.req.header('x-session-id') ?? null)
  return c.json({ data: { surface: surface.name, ...explained(gateway, key, chat, session) } })
}

/** The key that is planned for: an API key is its own, who administers may name one. */
function keyFor(gateway: Gateway, caller: Caller, named: string | null): ApiKey | null {
  const own = caller.kind === 'key' && caller.key.kind === 'inference' ? caller.key : null
  if (named === null) return own ?? (caller.kind === 'key' ? caller.key : null)
  if (own !== null)
    throw new GatewayError(
      'permission_denied',
      'An API key plans for itself. Leave "key" out, or use a management key.',
    )
  const keys = gateway.keys.list(organizationOf(caller))
  const found = keys.filter(({ name, hash }) => name === named || hash.startsWith(named))
  if (found.length === 1) return found[0]!
  const what = found.length === 0 ? `No key is named "${named}"` : `"${named}" names several keys`
  throw new GatewayError('not_found', `${what}. List them with: waybill keys list`)
}

/** A request's plan in words, with what it was made from and what would be held first (USD; null: its price is not known, or nobody serves). */
function explained(
  gateway: Gateway,
  key: ApiKey | null,
  chat: ChatRequest,
  session: string | null,
): Record<string, unknown> {
  const plan = decide(gateway, gateway.snapshot, key, chat, session)
  const told = explainPlan(plan)
  const first = plan.order[0]
  const held = first === undefined ? null : worstOn(first, chat)
  return {
    ...told,
    candidates: told.candidates.map((candidate) => ({
      ...candidate,
      ...measured(gateway, candidate.endpoint),
    })),
    prompt_tokens_expected: contextTokens(chat),
    max_tokens: chat.maxOutputTokens,
    withheld_parameters: chat.withheld?.map(({ parameter }) => parameter) ?? [],
    hold_usd: held === null ? null : nanosToDecimal(held),
  }
}

/** What routing has seen of an endpoint in five minutes; nulls where nothing was measured. */
function measured(gateway: Gateway, endpointId: string): Record<string, unknown> {
  const { catalog, targets } = gateway.snapshot
  const credentials = targets.credentialIds(catalog.endpoint(endpointId)?.providerId ?? '')
  const health = gateway.health.health(endpointId, gateway.clock.tick(), credentials)
  return {
    uptime: health.uptime5m,
    first_token_ms: health.ttftP50Ms === null ? null : Math.round(health.ttftP50Ms),
    tokens_per_second: health.throughputP50 === null ? null : Math.round(health.throughputP50),
    breaker: health.breaker,
  }
}

/** The surface that a body looks like, where none is named; null: a kind of request. */
function guess(body: unknown): string | null {
  const has = (name: string) => typeof body === 'object' && body !== null && name in body
  if (has('messages')) return 'chat'
  if (has('contents')) return 'gemini'
  if (has('prompt')) return 'completions'
  return has('input') ? 'responses' : null
}

function surfaceOf(name: string, body: unknown): { surface: Surface; path: string } {
  const found = Object.entries(SURFACES).find(([, surface]) => surface.name === name)
  if (found === undefined) {
    const names = Object.values(SURFACES).map((surface) => surface.name)
    throw new GatewayError('invalid_request', `"surface" must be one of ${names.join(', ')}.`)
  }
  const [path, surface] = found
  // Google's paths name the model; here it stands in the body.
  const model = (body as { model?: unknown } | null)?.model
  return { surface, path: path.replace('{id}', typeof model === 'string' ? model : '') }
}

function targetOf(path: string, c: RouteContext): RequestTarget {
  return { path, query: '', headers: (name) => c.req.header(name) }
}
