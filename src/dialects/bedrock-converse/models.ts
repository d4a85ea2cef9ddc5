import { type Traits as ClaudeTraits, traitsOf as claudeTraitsOf } from '../anthropic-messages/models.ts'

/** What a model behind Converse takes, as far as the name tells: one API, many makers. */
export interface Traits {
  /** Set for Claude. */
  readonly claude: ClaudeTraits | null
  /** Where cache points are taken; null: nowhere. */
  readonly caches: { readonly tools: boolean; readonly ttl: boolean } | null
  /** Takes `outputConfig.textFormat`; null when the name tells nothing. */
  readonly schemas: boolean | null
  /** Takes `toolChoice` beyond `auto`. */
  readonly forcedTools: boolean
  /** Name of top_k among the model's own fields: below `inferenceConfig` for Nova. */
  readonly topK: 'top_k' | 'nova' | 'k' | null
  /** How the model is asked to reason. */
  readonly reasoning: 'claude' | 'nova' | 'effort' | 'none'
  /** Takes reasoning without a signature back. */
  readonly replaysReasoning: boolean
}

const MAKERS = /(?:^|[./])(anthropic|amazon|meta|mistral|cohere|ai21|writer|deepseek|openai)\./

/**
 * Traits by the model's id, profile id (`eu.anthropic.…`) or ARN. Makers that came after structured output are taken to
 * have it; an application's own profile tells nothing.
 * Source: the user guide's tables of Converse features, of prompt caching and of structured output; pages of Nova 2.
 */
export function traitsOf(upstreamId: string): Traits {
  const id = upstreamId.toLowerCase()
  const maker = MAKERS.exec(id)?.[1] ?? (id.includes('claude') ? 'anthropic' : null)
  const plain: Traits = {
    claude: null,
    caches: null,
    schemas: id.startsWith('arn:') ? null : true,
    forcedTools: true,
    topK: null,
    reasoning: 'none',
    replaysReasoning: false,
  }
  switch (maker) {
    case 'anthropic': {
      const claude = claudeTraitsOf(id)
      const caches = { tools: true, ttl: claude.schemas }
      return {
        ...plain,
        claude,
        caches,
        schemas: claude.known ? claude.schemas : null,
        forcedTools: claude.forcedTools,
        topK: 'top_k',
        reasoning: 'claude',
      }
    }
    case 'amazon': {
      const nova = id.includes('nova')
      return {
        ...plain,
        caches: nova ? { tools: false, ttl: false } : null,
        schemas: false,
        forcedTools: nova,
        topK: nova ? 'nova' : null,
        reasoning: id.includes('nova-2') ? 'nova' : 'none',
      }
    }
    case 'openai':
      return { ...plain, reasoning: 'effort' }
    case 'mistral':
      return {
        ...plain,
        schemas: !/mi[sx]tral-(?:7b|8x7b|large-24|small-24)|pixtral/.test(id),
        topK: 'top_k',
      }
    case 'cohere':
      return { ...plain, schemas: false, forcedTools: false, topK: 'k' }
    case 'meta':
    case 'ai21':
    case 'writer':
      return { ...plain, schemas: false, forcedTools: false }
    case 'deepseek':
      return { ...plain, schemas: !id.includes('r1'), replaysReasoning: id.includes('r1') }
    default:
      return plain
  }
}
