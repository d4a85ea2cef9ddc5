/**
 * Tables, as Kysely types. int8 columns are bigint, booleans 0|1, times ms since the epoch (bigint), JSON is text.
 * Every table that belongs to a customer carries organization_id, workspace_id and creator_user_id.
 */
export interface Database {
  organizations: OrganizationRow
  workspaces: WorkspaceRow
  members: MemberRow
  workspace_members: WorkspaceMemberRow
  api_keys: ApiKeyRow
  accounts: AccountRow
  limits: LimitRow
  holds: HoldRow
  journals: JournalRow
  entries: EntryRow
  chains: ChainRow
  attempts: AttemptRow
  generations: GenerationRow
  feedback: FeedbackRow
  waybills: WaybillRow
  budgets: BudgetRow
  waybill_tables: WaybillTableRow
  tariffs: TariffRow
  presets: PresetRow
  preset_versions: PresetVersionRow
  nodes: NodeRow
  alerts: AlertRow
  alert_deliveries: AlertDeliveryRow
  alert_mutes: AlertMuteRow
  idempotency: IdempotencyRow
  settings: SettingRow
  commits: CommitRow
}

export interface OrganizationRow {
  id: string
  name: string
  /** `prepaid`, `unlimited` or `default` (as the configuration says). */
  credits: string
  created_at: bigint
}

export interface WorkspaceRow {
  id: string
  organization_id: string
  slug: string
  name: string
  created_at: bigint
  description: string | null
  created_by: string | null
  updated_at: bigint | null
  /** Set: no longer there; its row stays for what its keys have spent. */
  deleted_at: bigint | null
}

/** A person of an organization. */
export interface MemberRow {
  id: string
  organization_id: string
  email: string
  first_name: string | null
  last_name: string | null
  /** `admin` or `member`. */
  role: string
  created_at: bigint
}

export interface WorkspaceMemberRow {
  id: string
  organization_id: string
  workspace_id: string
  user_id: string
  created_at: bigint
}

export interface ApiKeyRow {
  /** SHA-256 of the key, hex: what is looked up and shown. */
  hash: string
  organization_id: string
  workspace_id: string
  creator_user_id: string | null
  name: string
  /** `sk-wb-v1-abc...123` */
  label: string
  /** `inference` or `management`. */
  kind: string
  disabled: number
  limit_nanos: bigint | null
  /** `daily`, `weekly`, `monthly` or null (never). */
  limit_reset: string | null
  include_byok_in_limit: number
  expires_at: bigint | null
  created_at: bigint
  updated_at: bigint
  /** Hash of the key that this one replaced by rotation. */
  rotated_from: string | null
  /** Rates of its own; null: as the configuration says. */
  requests_per_minute: number | null
  tokens_per_minute: number | null
  concurrency: number | null
  /** JSON lists of what it may use; null: not limited. */
  allowed_models: string | null
  allowed_providers: string | null
  ignored_providers: string | null
  /** Set: answers no more and stands in no list; its row stays for what it has spent. */
  deleted_at: bigint | null
}

/** A ledger account with its cached balance; the truth is the fold over `entries`. */
export interface AccountRow {
  /** `org:<id>:credit`, `org:<id>:usage`, `org:<id>:test`, `rev:usage`, `world:manual`, `cost:<provider>`, `platform:writeoff`, `platform:insurance`, … */
  id: string
  organization_id: string | null
  posted_nanos: bigint
  held_nanos: bigint
  /** 1: posted - held may never fall below 0. */
  floor: number
}

/** A cap with its window: key limits now, budgets later. A new window is a new row. */
export interface LimitRow {
  /** `key`, later `member`, `workspace`, `organization`. */
  scope: string
  scope_id: string
  /** `total`, `daily`, `weekly`, `monthly`. */
  span: string
  /** First ms of the window (UTC; weeks from Monday); 0 for total. */
  window_start: bigint
  organization_id: string
  cap_nanos: bigint | null
  spent_nanos: bigint
  held_nanos: bigint
}

/** A cap over more than one key; the ledger counts it on a limit row of its own. */
export interface BudgetRow {
  id: string
  organization_id: string
  /** The workspace that it caps; null for others. */
  workspace_id: string | null
  creator_user_id: string | null
  /** `organization`, `workspace`, `member`, `user`. */
  scope: string
  /** `*`: each member, each end user. */
  scope_id: string
  /** `total`, `daily`, `weekly`, `monthly`. */
  span: string
  limit_nanos: bigint
  created_at: bigint
  updated_at: bigint
}

export interface HoldRow {
  /** `gen-…`: request = generation = hold = waybill. */
  id: string
  organization_id: string
  workspace_id: string
  creator_user_id: string | null
  key_hash: string
  /** `reserved`, `dispatched`, `streaming`, `settled`, `released`. */
  state: string
  /** Account that the hold stands on. */
  account_id: string
  amount_nanos: bigint
  /** JSON: limit rows that carry the hold, `[[scope, scope_id, span, window_start], …]` (window of admission). */
  limits: string
  /** JSON: frozen tariffs by endpoint id, so that recovery and audit can price: `{ "<endpoint>": { …Tariff } }` or versions into `tariffs`. */
  tariffs: string
  /** Last checkpoint: attempt number, endpoint id, usage as JSON (null before the first token). */
  attempt: number
  endpoint_id: string | null
  usage: string | null
  node: string
  created_at: bigint
  expires_at: bigint
}

/** One movement of money; immutable, hash-chained per writer. */
export interface JournalRow {
  /** Node epoch, then the position in the chain: `<chain>:<seq>`. */
  id: string
  chain: string
  seq: bigint
  /** `charge`, `topup`, `adjustment`, `refund`. */
  kind: string
  /** Hold for charges (unique), payment for top-ups (unique per source). */
  reference: string
  organization_id: string | null
  at: bigint
  memo: string | null
  prev_hash: string
  hash: string
}

/** Lines of a journal; sum to 0 per journal. */
export interface EntryRow {
  journal_id: string
  line: number
  account_id: string
  amount_nanos: bigint
}

/** Registry of journal chains: one per writer epoch. */
export interface ChainRow {
  id: string
  node: string
  started_at: bigint
  length: bigint
  head: string
}

/** One upstream try. Written with the settle or release of its request. */
export interface AttemptRow {
  /** `<gen id>.<n>` */
  id: string
  generation_id: string
  organization_id: string
  n: number
  endpoint_id: string
  provider: string
  model: string
  tariff_version: string | null
  /** `ok`, `failed`, `cancelled`. */
  outcome: string
  error_code: string | null
  status: number | null
  provider_code: string | null
  started_at: bigint
  ttft_ms: number | null
  duration_ms: number
  /** What the provider is owed for it, nano-USD; null when unknown. */
  cost_nanos: bigint | null
}

/** The usage row of one request; written in the same unit as its charge. */
export interface GenerationRow {
  id: string
  organization_id: string
  workspace_id: string
  creator_user_id: string | null
  key_hash: string
  model: string
  requested_model: string
  provider: string | null
  endpoint_id: string | null
  upstream_id: string | null
  /** Surface: `chat`, `completions`, `messages`, `responses`, `gemini`, `embeddings`. */
  surface: string
  streamed: number
  simulated: number
  cancelled: number
  is_byok: number
  /** `complete`, `client_gone`, `failed`. */
  result: string
  finish_reason: string | null
  native_finish_reason: string | null
  error_code: string | null
  created_at: bigint
  latency_ms: number | null
  generation_ms: number | null
  /** Time the gateway itself added before dispatch, microseconds. */
  gateway_us: number | null
  prompt_tokens: number
  completion_tokens: number
  cache_read_tokens: number
  cache_write_tokens: number
  reasoning_tokens: number
  usage_source: string
  /** Charged, nano-USD; null when the price is unknown (unlimited organizations only). */
  cost_nanos: bigint | null
  upstream_prompt_nanos: bigint | null
  upstream_completion_nanos: bigint | null
  tariff_version: string | null
  attempts: number
  app_title: string | null
  app_url: string | null
  user_agent: string | null
  external_user: string | null
  session_id: string | null
}

/** What a customer says of one call. */
export interface FeedbackRow {
  id: string
  organization_id: string
  workspace_id: string
  creator_user_id: string | null
  generation_id: string
  category: string
  comment: string | null
  created_at: bigint
}

/** Why a request went where it went; at most 1 KB. */
export interface WaybillRow {
  id: string
  organization_id: string
  created_at: bigint
  data: string
}

/** Static facts of one model's endpoints that waybills refer to by content hash. */
export interface WaybillTableRow {
  hash: string
  data: string
  /** Midnight (UTC) of the last day on which a waybill referred to it. */
  seen_at: bigint
}

export interface TariffRow {
  version: string
  endpoint_id: string
  data: string
  first_used_at: bigint
}

/** Named settings of requests; what they are stands in its versions. */
export interface PresetRow {
  id: string
  organization_id: string
  workspace_id: string
  creator_user_id: string | null
  slug: string
  name: string
  description: string | null
  /** `active`, `disabled` or `archived`. */
  status: string
  status_updated_at: bigint | null
  /** Number of the version that requests get. */
  version: number
  created_at: bigint
  updated_at: bigint
}

export interface PresetVersionRow {
  id: string
  preset_id: string
  organization_id: string
  workspace_id: string
  creator_user_id: string | null
  /** The member, or the hash of the key, that made it. */
  creator_id: string
  version: number
  system_prompt: string | null
  /** JSON: fields of a Chat Completions request. */
  config: string
  created_at: bigint
}

export interface NodeRow {
  id: string
  epoch: string
  started_at: bigint
  heartbeat_at: bigint
}

/** A write that carried an Idempotency-Key, kept for a day. */
export interface IdempotencyRow {
  /** SHA-256 (hex) of the caller's credential, the route and the key. */
  scope: string
  organization_id: string
  /** SHA-256 (hex) of the body. */
  request_hash: string
  /** Null while it runs. */
  status: number | null
  /** Sealed with the caller's credential, which is kept nowhere: an answer may hold a new key. */
  answer: Uint8Array | null
  created_at: bigint
}

/** Something about money that people are told; written in the same unit as the charge that caused it. */
export interface AlertRow {
  id: string
  organization_id: string
  workspace_id: string | null
  creator_user_id: string | null
  /** `key`, `budget-…`: a limit row; `balance`: an organization's credit; `test`. */
  scope: string
  scope_id: string
  span: string
  /** Of a balance: 0 while it is low, then when it recovered. */
  window_start: bigint
  /** Percent of the cap; for a balance, nano-USD. */
  threshold: bigint
  cap_nanos: bigint | null
  /** Spent of the cap, or left of the balance. */
  amount_nanos: bigint
  /** Hold or credit. */
  cause: string
  created_at: bigint
  /** 1: it has its deliveries. */
  sent: number
}

/** An alert on its way to one destination. */
export interface AlertDeliveryRow {
  alert_id: string
  /** Hash of kind and address: stays with the destination wherever it stands in the file. */
  destination: string
  /** For people; never the whole address, which may be a secret. */
  label: string
  /** `pending`, `delivered`, `failed`, `muted`, `gone` (the destination wants no more). */
  state: string
  attempts: number
  next_at: bigint
  /** Another node leaves it alone until then. */
  leased_until: bigint
  last_status: number | null
  last_error: string | null
  created_at: bigint
  updated_at: bigint
}

/** What of an organization is not delivered; listed all the same. */
export interface AlertMuteRow {
  organization_id: string
  scope: string
  /** `*`: every one. */
  scope_id: string
  created_at: bigint
}

export interface SettingRow {
  name: string
  value: string
}

/** The last group that a writer of Postgres has committed; the store's own, unused in the embedded database. */
export interface CommitRow {
  writer: string
  n: bigint
  at: bigint
}
