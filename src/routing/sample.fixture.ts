import type { Endpoint, Model, Resolved } from '../catalog/index.ts'
import type { Tariff } from '../chat/index.ts'
import { HEALTHY } from './health.ts'
import type { EndpointHealth, PlanRequest, RoutingPolicy, RoutingSnapshot } from './plan.types.ts'

/** $/M tokens as a tariff. */
export function tariff(prompt: number, completion = prompt, more: Partial<Tariff> = {}): Tariff {
  return {
    version: `t-${prompt}-${completion}`,
    prompt: BigInt(Math.round(prompt * 1e6)),
    completion: BigInt(Math.round(completion * 1e6)),
    cacheRead: null,
    cacheWrite: null,
    cacheWrite1h: null,
    reasoning: null,
    request: 0n,
    tiers: [],
    ...more,
  }
}

export function endpoint(tag: string, more: Partial<Endpoint> = {}): Endpoint {
  const modelId = more.modelId ?? 'acme/one'
  const providerId = tag.split('/')[0]!
  return {
    id: `${modelId}@${tag}`,
    modelId,
    providerId,
    providerName: providerId.charAt(0).toUpperCase() + providerId.slice(1),
    tag,
    upstreamId: 'one',
    dialect: 'openai-chat',
    contextLength: 100_000,
    maxOutput: null,
    maxPrompt: null,
    quantization: 'unknown',
    tariff: tariff(1),
    supportedParameters: ['max_tokens', 'temperature'],
    inputModalities: ['text'],
    outputModalities: ['text'],
    implicitCaching: false,
    simulated: false,
    reasoning: false,
    source: { name: 'test', asOf: '2026-11-01' },
    ...more,
  }
}

export function model(id: string): Model {
  return {
    id,
    canonicalSlug: id,
    name: id,
    description: '',
    created: 0,
    contextLength: 100_000,
    maxOutput: null,
    inputModalities: ['text'],
    outputModalities: ['text'],
    tokenizer: 'Other',
    instructType: null,
    huggingFaceId: null,
    knowledgeCutoff: null,
    expirationDate: null,
    supportedParameters: [],
    reasoning: false,
    aliases: [],
  }
}

export interface World {
  readonly endpoints: readonly Endpoint[]
  readonly health?: Readonly<Record<string, Partial<EndpointHealth>>>
  readonly without?: readonly string[]
  readonly more?: Partial<RoutingSnapshot>
}

/** A snapshot of the given endpoints; health by tag; `without`: providers that lack a key. */
export function snapshot(world: World): RoutingSnapshot {
  const health = new Map(
    world.endpoints.map((e) => [e.id, { ...HEALTHY, ...world.health?.[e.tag] }] as const),
  )
  return {
    resolve: (name): Resolved | undefined => {
      const [base = '', ...variants] = name.split(':')
      const mine = world.endpoints.filter((e) => e.modelId === base)
      return mine.length === 0 ? undefined : { model: model(base), endpoints: mine, variants }
    },
    suggest: () => ['acme/one', 'acme/two'],
    hasCredential: (id) => !(world.without ?? []).includes(id),
    credentialHint: (id) => [`${id.toUpperCase()}_API_KEY`],
    hasDialect: (id) => id === 'openai-chat',
    health: (id) => health.get(id) ?? HEALTHY,
    ...world.more,
  }
}

export function request(more: Partial<PlanRequest> = {}): PlanRequest {
  return {
    models: ['acme/one'],
    stream: true,
    parameters: [],
    inputModalities: ['text'],
    outputModalities: ['text'],
    promptTokens: 100,
    maxOutputTokens: null,
    provider: {},
    ...more,
  }
}

export const policy: RoutingPolicy = { needsPrice: true, retries: 2, maxAttempts: 8 }

/** Deterministic numbers in [0, 1). */
export function seeded(seed: number): () => number {
  let state = seed >>> 0
  return () => {
    state = (state + 0x6d2b79f5) >>> 0
    let t = Math.imul(state ^ (state >>> 15), state | 1)
    t ^= t + Math.imul(t ^ (t >>> 7), t | 61)
    return ((t ^ (t >>> 14)) >>> 0) / 4_294_967_296
  }
}
