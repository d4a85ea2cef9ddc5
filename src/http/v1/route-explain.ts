import { type ChatRequest, GatewayError } from '../../chat/index.ts'
import type { RequestTarget } from '../../dialects/index.ts'
import type { ApiKey } from '../../identity/index.ts'
import { nanosToDecimal } from '../../money/index.ts'
import { explainPlan } from '../../routing/index.ts'
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

/**
 * `POST /route/explain`: where this very request would go and why, planned as the real one is. The body is that of a chat
 * request, or of the surface in the query (`?surface=messages`). Nobody is called and nothing is held.
 */
export async function explain(gateway: Gateway, c: RouteContext): Promise<Response> {
  const incoming = incomingOf(c)
  const caller = c.get('caller')
  const key = caller.kind === 'key' ? caller.key : null
  const body = parseJson(await gateway.bodies.read(incoming))
  const { surface, path } = surfaceOf(c.req.query('surface') ?? guess(body), body)
  const moneyCounts = key !== null && countsMoney(gateway, key)
  const chat = readRequest(surface.dialect, body, targetOf(path, c), moneyCounts)
  refuseUnserved(chat, incoming.headers)
  const session = sessionOf(chat, c.req.header('x-session-id') ?? null)
  return c.json({ data: { surface: surface.name, ...explained(gateway, key, chat, session) } })
}

/** A request's plan in words, with what it was made from and what would be held first (USD; null: its price is not known, or nobody serves). */
export function explained(
  gateway: Gateway,
  key: ApiKey | null,
  chat: ChatRequest,
  session: string | null,
): Record<string, unknown> {
  const plan = decide(gateway, gateway.snapshot, key, chat, session)
  const first = plan.order[0]
  const held = first === undefined ? null : worstOn(first, chat)
  return {
    ...explainPlan(plan),
    prompt_tokens_expected: contextTokens(chat),
    max_tokens: chat.maxOutputTokens,
    withheld_parameters: chat.withheld?.map(({ parameter }) => parameter) ?? [],
    hold_usd: held === null ? null : nanosToDecimal(held),
  }
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
