import type {
  AlertRow,
  AttemptRow,
  ChainRow,
  GenerationRow,
  HoldRow,
  SqlValue,
  StatementRef,
  Step,
  Store,
} from '../store/index.ts'
import type { Chain, Sealed } from './chain.ts'
import { alertRow, encodeUsage, holdRow } from './codec.ts'
import type { AlertStep, Hold } from './state.ts'
import type { Unit } from './unit.ts'

const HOLD = [
  'id',
  'organization_id',
  'workspace_id',
  'creator_user_id',
  'key_hash',
  'state',
  'account_id',
  'amount_nanos',
  'limits',
  'tariffs',
  'attempt',
  'endpoint_id',
  'usage',
  'node',
  'created_at',
  'expires_at',
] as const satisfies readonly (keyof HoldRow)[]

const ATTEMPT = [
  'id',
  'generation_id',
  'organization_id',
  'n',
  'endpoint_id',
  'provider',
  'model',
  'tariff_version',
  'outcome',
  'error_code',
  'status',
  'provider_code',
  'started_at',
  'ttft_ms',
  'duration_ms',
  'cost_nanos',
] as const satisfies readonly (keyof AttemptRow)[]

const GENERATION = [
  'id',
  'organization_id',
  'workspace_id',
  'creator_user_id',
  'key_hash',
  'model',
  'requested_model',
  'provider',
  'endpoint_id',
  'upstream_id',
  'surface',
  'streamed',
  'simulated',
  'cancelled',
  'is_byok',
  'result',
  'finish_reason',
  'native_finish_reason',
  'error_code',
  'created_at',
  'latency_ms',
  'generation_ms',
  'gateway_us',
  'prompt_tokens',
  'completion_tokens',
  'cache_read_tokens',
  'cache_write_tokens',
  'reasoning_tokens',
  'usage_source',
  'cost_nanos',
  'upstream_prompt_nanos',
  'upstream_completion_nanos',
  'tariff_version',
  'attempts',
  'app_title',
  'app_url',
  'user_agent',
  'external_user',
  'session_id',
] as const satisfies readonly (keyof GenerationRow)[]

const ALERT = [
  'id',
  'organization_id',
  'workspace_id',
  'creator_user_id',
  'scope',
  'scope_id',
  'span',
  'window_start',
  'threshold',
  'cap_nanos',
  'amount_nanos',
  'cause',
  'created_at',
  'sent',
] as const satisfies readonly (keyof AlertRow)[]

const OPEN = "('reserved', 'dispatched', 'streaming')"
const JOURNAL = 'id chain seq kind reference organization_id at memo prev_hash hash'.split(' ')
const LIMIT = 'scope scope_id span window_start organization_id cap_nanos spent_nanos held_nanos'.split(' ')

/**
 * Turns units into steps of the embedded store. Rows change by differences and every change carries a guard, so that a
 * unit which stands on a refused one is refused itself.
 */
export class StepWriter {
  readonly #store: Store
  readonly #ref: Record<keyof typeof SQL, StatementRef>
  /** By number of lines. */
  readonly #entries: StatementRef[] = []

  constructor(store: Store) {
    this.#store = store
    const refs = Object.entries(SQL).map(([name, sql]) => [name, store.prepare(sql)])
    this.#ref = Object.fromEntries(refs)
  }

  steps(unit: Unit, chain: Chain): Step[] {
    const steps: Step[] = []
    for (const row of unit.tariffs) {
      steps.push([this.#ref.tariff, [row.version, row.endpoint_id, row.data, row.first_used_at]])
    }
    for (const { hold, fresh } of unit.holds.values()) steps.push(this.#hold(hold, fresh))
    this.#accounts(unit, steps)
    this.#limits(unit, steps)
    for (const journal of unit.journals) this.#journal(journal, steps)
    if (unit.before !== null) steps.push(this.#chain(unit.before, chain.row()))
    this.#records(unit, steps)
    for (const told of unit.alerts) steps.push(this.#alert(told))
    return steps
  }

  #hold(hold: Hold, fresh: boolean): Step {
    if (fresh) return [this.#ref.hold, pick(holdRow(hold), HOLD)]
    const { state, amount, attempt, endpointId, usage, id } = hold
    return [this.#ref.holdStep, [state, amount, attempt, endpointId, encodeUsage(usage), id], 1]
  }

  #accounts(unit: Unit, steps: Step[]): void {
    for (const [id, { organizationId, floor, fresh, posted, held }] of unit.accounts) {
      if (fresh) steps.push([this.#ref.account, [id, organizationId, 0n, 0n, floor]])
      if (posted !== 0n || held !== 0n) steps.push([this.#ref.accountStep, [posted, held, id], 1])
    }
  }

  #limits(unit: Unit, steps: Step[]): void {
    for (const { limit, fresh, spent, held } of unit.limits.values()) {
      const { scope, scopeId, span, windowStart } = limit.ref
      const key = [scope, scopeId, span, BigInt(windowStart)]
      if (fresh) steps.push([this.#ref.limit, [...key, limit.organizationId, limit.cap, 0n, 0n]])
      steps.push([this.#ref.limitStep, [limit.cap, spent, held, ...key], 1])
    }
  }

  #journal({ id, chain, seq, draft, prevHash, hash }: Sealed, steps: Step[]): void {
    const { kind, reference, organizationId, at, memo, entries } = draft
    const row = [id, chain, seq, kind, reference, organizationId, BigInt(at), memo, prevHash, hash]
    steps.push([this.#ref.journal, row])
    const lines: SqlValue[] = []
    for (let line = 0; line < entries.length; line++) lines.push(id, line, ...entries[line]!)
    this.#entries[entries.length] ??= this.#store.prepare(
      `insert into entries (journal_id, line, account_id, amount_nanos) values ${entries.map(() => '(?, ?, ?, ?)').join(', ')}`,
    )
    steps.push([this.#entries[entries.length]!, lines])
  }

  #alert(told: AlertStep): Step {
    if (told.type === 'alert') return [this.#ref.alert, pick(alertRow(told.alert), ALERT)]
    const at = BigInt(told.at)
    return [this.#ref.rearm, [at, told.organizationId, at]]
  }

  #chain(before: ChainRow, after: ChainRow): Step {
    const { id, node, started_at, length, head } = after
    if (before.length === 0n) return [this.#ref.chain, [id, node, started_at, length, head]]
    return [this.#ref.chainStep, [length, head, id, before.length, before.head], 1]
  }

  #records(unit: Unit, steps: Step[]): void {
    for (const { generation, attempts, waybill } of unit.records) {
      steps.push([this.#ref.generation, pick(generation, GENERATION)])
      for (const row of attempts) steps.push([this.#ref.attempt, pick(row, ATTEMPT)])
      if (waybill !== null) {
        const { id, organization_id, created_at, data } = waybill
        steps.push([this.#ref.waybill, [id, organization_id, created_at, clean(data)]])
      }
    }
  }
}

const SQL = {
  tariff: insert('tariffs', ['version', 'endpoint_id', 'data', 'first_used_at'], 'on conflict do nothing'),
  hold: insert('holds', HOLD),
  holdStep: `update holds set state = ?, amount_nanos = ?, attempt = ?, endpoint_id = ?, usage = ? where id = ? and state in ${OPEN}`,
  account: insert(
    'accounts',
    ['id', 'organization_id', 'posted_nanos', 'held_nanos', 'floor'],
    'on conflict do nothing',
  ),
  accountStep:
    'update accounts set posted_nanos = posted_nanos + ?, held_nanos = held_nanos + ? where id = ?',
  limit: insert('limits', LIMIT, 'on conflict do nothing'),
  limitStep:
    'update limits set cap_nanos = ?, spent_nanos = spent_nanos + ?, held_nanos = held_nanos + ? where scope = ? and scope_id = ? and span = ? and window_start = ?',
  journal: insert('journals', JOURNAL),
  chain: insert('chains', ['id', 'node', 'started_at', 'length', 'head']),
  chainStep: 'update chains set length = ?, head = ? where id = ? and length = ? and head = ?',
  generation: insert('generations', GENERATION),
  attempt: insert('attempts', ATTEMPT),
  waybill: insert('waybills', ['id', 'organization_id', 'created_at', 'data']),
  alert: insert('alerts', ALERT, 'on conflict do nothing'),
  rearm: `update alerts as a set window_start = ? where scope = 'balance' and scope_id = ? and window_start = 0
    and not exists (select 1 from alerts b where b.scope = 'balance' and b.scope_id = a.scope_id
    and b.threshold = a.threshold and b.window_start = ?)`,
} as const

function insert(table: string, columns: readonly string[], conflict = ''): string {
  const places = columns.map(() => '?').join(', ')
  return `insert into ${table} (${columns.join(', ')}) values (${places}) ${conflict}`
}

function pick<Row>(row: Row, columns: readonly (keyof Row)[]): SqlValue[] {
  return columns.map((column) => clean(row[column] as SqlValue))
}

/** Databases refuse U+0000 in text; one such header of a client must not make a whole unit fail. */
function clean(value: SqlValue): SqlValue {
  return typeof value === 'string' && value.includes('\0') ? value.replaceAll('\0', '\ufffd') : value
}
