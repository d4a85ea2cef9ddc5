/** What a provider says it does with prompts and answers of its API; null where it does not say, or where it depends. */
interface ProviderDataPolicy {
  /** Trains on them, unless its customer objects. */
  readonly trains: boolean | null
  /** Keeps them beyond the request, unless its customer has agreed otherwise with it. */
  readonly retains: boolean | null
  /** The provider's own page. */
  readonly source: string
  /** The day it was read (YYYY-MM-DD). */
  readonly asOf: string
}

type Row = readonly [trains: boolean | null, retains: boolean | null, source: string, asOf: string]

/**
 * The standard terms of a customer without an agreement of its own. A provider that is not here is not known, and
 * requests that ask for a policy pass it by; an operator with better terms says so in the configuration (`data_policy`).
 */
const POLICIES: Readonly<Record<string, Row>> = {
  // Kept up to 30 days against abuse; zero retention needs an approval.
  openai: [false, true, 'https://developers.openai.com/api/docs/guides/your-data', '2026-11-24'],
  azure: [false, true, 'https://learn.microsoft.com/en-us/answers/questions/1221540', '2026-11-24'],
  // Zero retention is an arrangement for some customers.
  anthropic: [
    false,
    true,
    'https://platform.claude.com/docs/en/manage-claude/api-and-data-retention',
    '2026-11-24',
  ],
  // Not for training when paid for; a free key's prompts improve products, and a key does not tell which it is.
  'google-ai-studio': [null, true, 'https://ai.google.dev/gemini-api/docs/zdr', '2026-11-24'],
  'google-vertex': [
    false,
    true,
    'https://docs.cloud.google.com/gemini-enterprise-agent-platform/resources/zero-data-retention',
    '2026-11-24',
  ],
  // Retention is the model's, and the account's own setting in each region.
  'amazon-bedrock': [
    false,
    null,
    'https://docs.aws.amazon.com/bedrock/latest/userguide/data-retention.html',
    '2026-11-24',
  ],
  mistral: [false, true, 'https://docs.mistral.ai/admin/security-access/privacy', '2026-11-24'],
  xai: [false, true, 'https://docs.x.ai/docs/faq/security', '2026-11-24'],
  // Not kept by default, but may be for troubleshooting and against abuse; zero retention is a setting.
  groq: [false, null, 'https://console.groq.com/docs/your-data', '2026-11-24'],
  together: [false, true, 'https://docs.together.ai/docs/zero-data-retention', '2026-11-24'],
  fireworks: [
    false,
    false,
    'https://docs.fireworks.ai/guides/security_compliance/data_handling',
    '2026-11-24',
  ],
  deepinfra: [false, false, 'https://docs.deepinfra.com/account/data-privacy', '2026-11-24'],
  baseten: [false, false, 'https://docs.baseten.co/observability/security', '2026-11-24'],
  cloudflare: [
    false,
    null,
    'https://developers.cloudflare.com/workers-ai/platform/data-usage/',
    '2026-11-24',
  ],
}

/** Models that a provider hands on to their makers, under whose terms they fall then. */
const HANDED_ON: Readonly<Record<string, RegExp>> = {
  deepinfra: /^(google\/gemini|anthropic\/)/,
}

const known = new Map(
  Object.entries(POLICIES).map(([id, [trains, retains, source, asOf]]) => [
    id,
    { trains, retains, source, asOf } satisfies ProviderDataPolicy,
  ]),
)

/** The policy under which a provider serves a model; undefined when it is not known. */
export function dataPolicyOf(providerId: string, modelId: string): ProviderDataPolicy | undefined {
  return HANDED_ON[providerId]?.test(modelId) === true ? undefined : known.get(providerId)
}
