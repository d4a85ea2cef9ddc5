import { z } from 'zod'
import { RESCUE_POLICIES } from '../chat/index.ts'
import { ASSISTANT_PREFIXES, DIALECTS } from '../providers/index.ts'

/** What a value must be, as the end of "… must be …": one registry, read by the sentences of errors. */
export const expectations = z.registry<{ readonly expects: string }>()

function leaf<S extends z.ZodType>(schema: S, description: string, expects: string): S {
  const described = schema.describe(description)
  expectations.add(described, { expects })
  return described
}

const int = (min: number, max: number, description: string) =>
  leaf(
    z.int().min(min).max(max),
    description,
    `a whole number from ${min} to ${max === Number.MAX_SAFE_INTEGER ? '2^53' : max}`,
  )
const flag = (description: string) => leaf(z.boolean(), description, 'true or false')
const text = (description: string, expects = 'a text') =>
  leaf(z.string().min(1).max(4096), description, expects)
const duration = (description: string) =>
  leaf(
    z.string().regex(/^\d+(\.\d+)?(ms|s|m|h)$/),
    description,
    'a time with its unit, such as 500ms, 5s or 30m',
  )
const choice = <const V extends readonly [string, ...string[]]>(values: V, description: string) =>
  leaf(z.enum(values), description, `one of ${values.join(', ')}`)

const usd = (description: string) =>
  leaf(
    z.union([z.string().regex(/^\d+(\.\d+)?$/), z.number().min(0)]),
    description,
    'an amount in USD, such as "0.10"',
  )

export const CAPABILITIES = [
  'tools',
  'structured_outputs',
  'vision',
  'reasoning',
  'files',
  'audio',
  'video',
  'image_output',
  'audio_output',
  'embeddings',
  'prompt_caching',
] as const

const price = z
  .union([
    z.literal('free'),
    z.strictObject({
      prompt: usd('USD per million tokens of the prompt.'),
      completion: usd('USD per million tokens of the answer.'),
      cache_read: usd('USD per million prompt tokens read from a cache.').optional(),
      cache_write: usd('USD per million prompt tokens written to a cache (5 minutes).').optional(),
      cache_write_1h: usd('USD per million prompt tokens written to a cache for an hour.').optional(),
      reasoning: usd('USD per million reasoning tokens.').optional(),
      request: usd('USD per call, on top of the tokens.').optional(),
    }),
  ])
  .describe('`free`, or prices in USD. Without a price the model serves only unlimited organizations.')
  .register(expectations, { expects: '`free`, or a mapping with at least prompt and completion' })

const model = z.strictObject({
  id: leaf(
    z
      .string()
      .regex(/^[^\s/]+\/\S+$/)
      .max(200),
    'Name of the model in this installation, `author/name`.',
    'a name such as my-team/llama-70b',
  ),
  upstream_id: text('Name of the model at the provider; the same as `id` when absent.').optional(),
  context_length: int(1, 100_000_000, 'Tokens of prompt and answer together.').optional(),
  max_output: int(1, 100_000_000, 'Most tokens of one answer.').optional(),
  price: price.optional(),
  capabilities: z
    .array(choice(CAPABILITIES, 'One capability.'))
    .max(32)
    .describe('What the model can do; requests that need more are sent elsewhere.')
    .optional(),
})

const provider = z.strictObject({
  enabled: flag('false switches the provider off, even when its key is in the environment.').optional(),
  api_key: text('The key; better the name of a variable, in `$` and braces, than the key itself.').optional(),
  api_keys: z.array(text('A key.')).min(1).max(100).describe('Several keys, used in turn.').optional(),
  base_url: text(
    'Replaces the address. For `openai-chat` it ends in `/v1` or its like.',
    'an address',
  ).optional(),
  headers: z.record(z.string(), text('A header value.')).describe('Sent with every call.').optional(),
  region: text('Region, where the provider has several (Bedrock, Vertex, Alibaba, …).').optional(),
  project: text('Google Cloud project (Vertex).').optional(),
  account: text('Account id (Cloudflare, Snowflake).').optional(),
  resource: text('Name of the resource in the address (Azure, Databricks).').optional(),
  credentials_file: text(
    'Credentials of Google (service account, workload identity federation, user), relative to this file.',
  ).optional(),
  profile: text(
    'Profile of ~/.aws/config or ~/.aws/credentials (Bedrock).',
    'the name of a profile',
  ).optional(),
  api_version: text(
    'Dated version of Azure OpenAI, whose paths name the deployment; without it `/openai/v1` is asked.',
  ).optional(),
  deployments: z
    .record(z.string(), text('Name of the deployment.'))
    .describe('Model id → name at the provider (Azure deployments).')
    .optional(),
  dialect: choice(DIALECTS, 'Wire format. Needed for a provider of your own.').optional(),
  data_policy: z
    .strictObject({
      trains: flag('Prompts and answers are used for training.'),
      retains: flag('Prompts or answers are kept beyond the request.'),
    })
    .describe(
      'What the provider does with prompts under your agreement with it, for requests with `zdr` or `data_collection: deny`; without it the terms that it publishes count, where they are known.',
    )
    .register(expectations, { expects: 'a mapping with trains and retains' })
    .optional(),
  assistant_prefix: choice(
    ASSISTANT_PREFIXES,
    "Declares that the provider goes on with an assistant's message at the end of the conversation, and how it is told: not at all (`plain`), by that member of the message, or by that field of the body.",
  ).optional(),
  models: z.array(model).max(5000).describe('Models added to the catalog, or overriding it.').optional(),
})

const preset = z.strictObject({
  description: text('What it is for.').optional(),
  model: text('Model of requests that name none.', 'a model such as openai/gpt-5.1').optional(),
  models: z
    .array(text('A model.'))
    .min(1)
    .max(16)
    .describe('Models to try after `model`, in this order.')
    .optional(),
  system_prompt: leaf(
    z.string().min(1).max(65_536),
    'System prompt of requests that have none.',
    'a text of at most 65536 characters',
  ).optional(),
  settings: z
    .record(z.string(), z.unknown())
    .describe(
      'Any other field of a Chat Completions request: `temperature`, `provider`, `reasoning`, `tools`, …',
    )
    .register(expectations, { expects: 'a mapping of fields of a request' })
    .optional(),
})

const server = z.strictObject({
  host: text('Address to listen on.').optional(),
  port: int(0, 65535, 'Port; 0 takes any free one.').optional(),
  public: flag('Allows a host that others can reach.').optional(),
  allowed_hosts: z
    .array(text('A host name.'))
    .max(100)
    .describe('Host names that requests may carry besides the loopback ones, e.g. behind a proxy.')
    .optional(),
  body_limit: leaf(
    z.string().regex(/^\d+(\.\d+)?\s?(b|kb|kib|mb|mib|gb|gib)$/i),
    'Largest request body.',
    'a size with its unit, such as 512kb or 32MiB',
  ).optional(),
})

const modelId = (description: string) =>
  leaf(
    z
      .string()
      .regex(/^~?[^\s/]+\/\S+$/)
      .max(200),
    description,
    'the name of a model, author/name',
  )

const fallbacks = z
  .object({
    on_refusal: flag(
      'Stand-ins also answer what a model has refused for its content. Without it a refusal is final.',
    ).optional(),
  })
  .catchall(
    leaf(
      z.array(modelId('A model that stands in.')).min(1).max(7),
      'Models that stand in, in this order.',
      'a list of models such as [openai/gpt-5.1]',
    ),
  )

const timeouts = z.strictObject({
  connect: duration('Until the connection to a provider stands.').optional(),
  first_token: leaf(
    z.string().regex(/^(auto|\d+(\.\d+)?(ms|s|m|h))$/),
    'Until the first token. `auto`: 10 s (120 s for reasoning, images, audio), longer for long prompts, and as each endpoint is known.',
    'auto, or a time with its unit such as 20s',
  ).optional(),
  idle: duration('Between two pieces of a stream.').optional(),
  total: duration('For the whole call.').optional(),
})

const MOST = 2_000_000_000
const rates = () =>
  z.strictObject({
    requests_per_minute: int(1, MOST, 'Requests in a minute, filled evenly.').optional(),
    tokens_per_minute: int(1, MOST, 'Tokens of prompts and answers in a minute.').optional(),
    concurrency: int(1, MOST, 'Requests that run at once.').optional(),
  })

const rateLimits = z.strictObject({
  key: rates().describe('Each key that has no rates of its own.').optional(),
  organization: rates().describe('Each organization, all its keys together.').optional(),
  user: rates().describe('Each end user, as requests name them in `user`.').optional(),
  free_models: z
    .strictObject({
      requests_per_minute: int(1, MOST, 'Requests in a minute, filled evenly.').optional(),
      requests_per_day: int(1, MOST, 'Requests in 24 hours, filled evenly.').optional(),
    })
    .describe('Each organization, to models whose id ends in `:free`.')
    .optional(),
})

const allowList = (entry: string, expects: string, description: string) =>
  z
    .array(leaf(z.string().min(1).max(200), entry, expects))
    .min(1)
    .max(200)
    .describe(description)
    .optional()

const policy = z.strictObject({
  allowed_models: z
    .array(
      leaf(
        z
          .string()
          .regex(/^~?[^\s/*@]+\/(\*|[^\s*@]+)$/)
          .max(200),
        'A model, or all of an author.',
        'the name of a model, author/name, or author/*',
      ),
    )
    .min(1)
    .max(200)
    .describe(
      'Models that may be used: `author/name`, with all its variants or one (`:free`), or `author/*`.',
    )
    .optional(),
  allowed_providers: allowList(
    'A provider.',
    'the slug of a provider',
    'Providers that may be used, or parts of one (`google-vertex/europe`).',
  ),
  ignored_providers: allowList('A provider.', 'the slug of a provider', 'Providers that are never used.'),
  data_collection: choice(
    ['allow', 'deny'],
    '`deny`: only providers that are known not to train on prompts.',
  ).optional(),
  zdr: flag('Only providers that are known to keep no prompts.').optional(),
})

const destination = z.strictObject({
  type: choice(['webhook', 'slack', 'email'], 'How alerts travel.'),
  url: text(
    'Address of the webhook; for `email` that of the mail server with its user and password.',
    'an address such as https://example.com/hook or smtps://user:password@mail.example.com',
  ),
  secret: text(
    'Signs a webhook (Standard Webhooks): `whsec_` and the base64 of 24 to 64 random bytes. Needed for `webhook`.',
    'whsec_ and base64',
  ).optional(),
  to: text('Whom an e-mail goes to. Needed for `email`.', 'an e-mail address').optional(),
  from: text('Whom an e-mail comes from; the same as `to` when absent.', 'an e-mail address').optional(),
})

const alerts = z.strictObject({
  thresholds: z
    .array(int(1, 100, 'Percent of a cap.'))
    .max(20)
    .describe('Shares of key limits and budgets that are told when they are reached, in percent.')
    .optional(),
  low_balance: usd('Prepaid credit below this is told, USD.').optional(),
  destinations: z.array(destination).max(20).describe('Who is told.').optional(),
})

/** The file as people write it. Shapes only; meaning is checked in `build.ts`. */
export const fileSchema = z.strictObject({
  server: server.describe('Where the gateway listens.').optional(),
  data: text('Directory of the embedded database.').optional(),
  database: text(
    'Postgres address; without it the embedded database is used.',
    'a postgres:// address',
  ).optional(),
  redis: text('Redis address, for several nodes.', 'a redis:// address').optional(),
  timeouts: timeouts.describe('How long to wait for providers.').optional(),
  retries: int(0, 7, 'Extra tries per model; a request makes at most 8 attempts in all.').optional(),
  fallbacks: fallbacks
    .describe(
      'Models that stand in when every endpoint of a model has failed: model → list, `*` for all other models. A prompt that is too long goes only to more room, a refusal nowhere.',
    )
    .optional(),
  probes: leaf(
    z.string().regex(/^(off|\d+(\.\d+)?(ms|s|m|h))$/),
    'Ask every provider with a free call this often whether it answers and takes its keys, without waiting for requests to find out.',
    'off, or a time with its unit such as 30s',
  ).optional(),
  rescue: choice(
    RESCUE_POLICIES,
    'What becomes of a stream that breaks after content was sent: another endpoint continues it or answers anew (`auto`), only the one or the other, or it ends in an error (`off`). `provider.rescue` of a request wins.',
  ).optional(),
  rate_limits: rateLimits
    .describe('How much may be asked for at once; beyond it the answer is 429 with Retry-After.')
    .optional(),
  policy: policy
    .describe(
      'What all organizations may use. Keys may have lists of their own; both must allow what is used.',
    )
    .optional(),
  alerts: alerts.describe('What about money is told, and to whom.').optional(),
  credits: choice(['prepaid', 'unlimited'], 'How organizations pay unless they say otherwise.').optional(),
  holds: choice(
    ['tight', 'strict'],
    'What is held before a call. `tight`: streams hold what they are likely to cost, and more as they grow; `strict`: all that they can cost.',
  ).optional(),
  detect: flag('Use provider keys found in the environment, and Ollama on its default port.').optional(),
  simulator: flag('Offer the `sim/*` models.').optional(),
  log: z
    .strictObject({
      level: choice(
        ['debug', 'info', 'warn', 'error', 'silent'],
        'Least important line that is logged.',
      ).optional(),
    })
    .describe('Logging. Prompts, answers and keys are never logged.')
    .optional(),
  retention: z
    .strictObject({
      details: leaf(
        z.string().regex(/^(forever|\d{1,4}d)$/),
        'How long the details of a call (waybill and attempts) are kept; usage and ledger stay.',
        'a number of days such as 30d, or forever',
      ).optional(),
    })
    .describe('What is forgotten with time.')
    .optional(),
  cors: z
    .strictObject({
      origins: z
        .array(text('An origin, or `*`.'))
        .max(100)
        .describe('Who may call from a browser.')
        .optional(),
    })
    .describe('Browsers on other sites: inference, models and key exchange only, never with cookies.')
    .optional(),
  presets: z
    .record(z.string(), preset)
    .describe(
      'Named settings of requests, for all organizations: `@preset/name` as the model, behind a model, or in the field `preset`. One of the same name that an organization has made comes first.',
    )
    .optional(),
  providers: z
    .record(z.string(), provider)
    .describe('Providers by id or alias, or a name of your own with `dialect` and `base_url`.')
    .optional(),
})

export type FileConfig = z.infer<typeof fileSchema>
export type FileProvider = z.infer<typeof provider>
export type FileModel = z.infer<typeof model>
export type FileAlerts = z.infer<typeof alerts>
export type FilePrice = z.infer<typeof price>
