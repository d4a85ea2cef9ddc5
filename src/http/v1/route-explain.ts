import { GatewayError } from '../../chat/index.ts'
import type { RequestTarget } from '../../dialects/index.ts'
import { formatUsd } from '../../money/index.ts'
import { explainPlan, type Plan } from '../../routing/index.ts'
import { parseJson } from '../body.ts'
import type { Gateway, RouteContext } from '../gateway.ts'
import { incomingOf } from '../guard.ts'
import { worstOn } from '../hold.ts'
import type { Surface } from '../journey.ts'
import { decide } from '../plan.ts'
import { contextTokens } from '../tokens.ts'
import { SURFACES } from './inference.ts'
import { refuseUnserved } from './not-yet.ts'

/**
 * `POST /route/explain`: where this very request would go and why, planned as the real one is. The body is that of a chat
 * request, or of the surface in the query (`?surface=messages`). Nobody is called and nothing is held.
 */
export async function explain(gateway: Gateway, c: RouteContext): Promise<Response> {
  const incoming = incomingOf(c)
  const body = parseJson(await gateway.bodies.read(incoming))
  const { surface, path } = surfaceOf(c.req.query('surface') ?? guess(body), body)
  const chat = surface.dialect.decodeRequest(body, targetOf(path, c))
  refuseUnserved(chat, incoming.headers)
  const caller = c.get('caller')
  const key = caller.kind === 'key' ? caller.key : null
  const plan = decide(gateway, gateway.snapshot, key, chat)
  return c.json({
    data: {
      ...explainPlan(plan),
      surface: surface.name,
      prompt_tokens_expected: contextTokens(chat),
      max_tokens: chat.maxOutputTokens,
      hold_usd: held(plan, (endpoint) => worstOn(endpoint, chat)),
    },
  })
}

/** What would be held for the first endpoint, USD; null without one, or when its price is not known. */
function held({ order }: Plan, worst: (endpoint: Plan['order'][number]) => bigint | null): string | null {
  const nanos = order[0] === undefined ? null : worst(order[0])
  return nanos === null ? null : formatUsd(nanos).slice(1)
}

/** The surface that a body looks like, where none is named. */
function guess(body: unknown): string {
  const has = (name: string) => typeof body === 'object' && body !== null && name in body
  if (has('messages')) return 'chat'
  if (has('contents')) return 'gemini'
  if (has('prompt')) return 'completions'
  return has('input') ? 'responses' : 'chat'
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
