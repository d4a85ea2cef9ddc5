import { GatewayError } from '../chat/index.ts'
import type { CostTier, RouterWishes } from '../routing/index.ts'

/** How `ChatRequest.extras` names the plugin with the caller's wishes about `openrouter/auto`. */
export const AUTO_ROUTER = 'plugin:auto-router'
const COST_TIERS: readonly CostTier[] = ['low', 'medium', 'high', 'xhigh', 'max']

/** The settings of the plugin `auto-router`. Throws `invalid_request` for what they may not be. */
export function routerWishes(plugins: unknown): RouterWishes {
  const plugin = (plugins as { id?: unknown }[]).find(({ id }) => id === 'auto-router') as {
    readonly allowed_models?: unknown
    readonly excluded_models?: unknown
    readonly cost_tier?: unknown
  }
  const { cost_tier: tier = null } = plugin
  if (tier !== null && !COST_TIERS.includes(tier as CostTier)) {
    throw new GatewayError(
      'invalid_request',
      `\`cost_tier\` of the plugin auto-router must be one of ${COST_TIERS.join(', ')}.`,
      { metadata: { param: 'plugins' } },
    )
  }
  return {
    ...modelPatterns('allowed_models', plugin.allowed_models, 'allowedModels'),
    ...modelPatterns('excluded_models', plugin.excluded_models, 'excludedModels'),
    ...(tier !== null && { costTier: tier as CostTier }),
  }
}

/** Patterns of one request, far above any real list. */
const MAX_PATTERNS = 128

function modelPatterns(name: string, value: unknown, as: 'allowedModels' | 'excludedModels'): RouterWishes {
  if (value === undefined || value === null) return {}
  const fits = (pattern: unknown) => typeof pattern === 'string' && pattern.length <= 256
  if (Array.isArray(value) && value.length <= MAX_PATTERNS && value.every(fits)) return { [as]: value }
  throw new GatewayError(
    'invalid_request',
    `\`${name}\` of the plugin auto-router must be a list of at most ${MAX_PATTERNS} model ids; \`*\` stands for any text.`,
    { metadata: { param: 'plugins' } },
  )
}
