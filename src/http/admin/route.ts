import { z } from 'zod'
import { GatewayError } from '../../chat/index.ts'
import { dialect } from '../../dialects/index.ts'
import type { ApiKey } from '../../identity/index.ts'
import { explainPlan, type PlanRequest, planAttempts } from '../../routing/index.ts'
import type { Gateway, RouteContext } from '../gateway.ts'
import { policyOf, routingSnapshot } from '../plan.ts'
import { readBody } from '../validate.ts'

const Explain = z.strictObject({
  models: z.array(z.string().min(1).max(256)).min(1).max(16),
  /** Tokens of the prompt. */
  prompt_tokens: z.number().int().min(0).max(100_000_000).default(1000),
  max_tokens: z.number().int().min(1).max(100_000_000).nullable().default(null),
  stream: z.boolean().default(true),
  parameters: z.array(z.string().max(64)).max(64).default([]),
  input_modalities: z.array(z.string().max(32)).max(8).default(['text']),
  output_modalities: z.array(z.string().max(32)).max(8).default(['text']),
  /** The `provider` object of a chat request. */
  provider: z.looseObject({}).default({}),
  service_tier: z.string().max(32).nullable().default(null),
  /** Plan as for a caller whose money is counted: endpoints without a price are left out. */
  needs_price: z.boolean().default(false),
  /** Plan as for this key, by name, hash or the beginning of the hash. */
  key: z.string().min(1).max(256).nullable().default(null),
})

/** `POST /admin/route/explain`: where a request of this kind would go and why; nothing is sent. */
export async function explainRoute(gateway: Gateway, c: RouteContext): Promise<Response> {
  const body = await readBody(gateway, c, Explain)
  const { snapshot } = gateway
  const request: PlanRequest = {
    models: body.models,
    stream: body.stream,
    parameters: body.parameters,
    inputModalities: body.input_modalities,
    outputModalities: body.output_modalities,
    promptTokens: body.prompt_tokens,
    maxOutputTokens: body.max_tokens,
    provider: preferences(body.provider),
    serviceTier: body.service_tier,
  }
  const policy = policyOf(gateway, snapshot, body.key === null ? null : keyNamed(gateway, body.key))
  const plan = planAttempts(
    request,
    { ...policy, needsPrice: policy.needsPrice || body.needs_price },
    routingSnapshot(gateway, snapshot, body.output_modalities),
    Math.random,
  )
  return c.json({ data: explainPlan(plan) })
}

/** The preferences exactly as a chat request's would be read, so that both say the same. */
function preferences(provider: Record<string, unknown>): PlanRequest['provider'] {
  const chat = { model: 'any/model', messages: [{ role: 'user', content: 'x' }], provider }
  return dialect('openai-chat')!.decodeRequest(chat, { path: '/chat/completions', query: '' }).provider
}

function keyNamed(gateway: Gateway, name: string): ApiKey {
  const found = gateway.keys.list('default').filter((key) => key.name === name || key.hash.startsWith(name))
  if (found.length === 1) return found[0]!
  const what = found.length === 0 ? `No key is named "${name}"` : `"${name}" names several keys`
  throw new GatewayError('not_found', `${what}. List them with: waybill keys list`)
}
