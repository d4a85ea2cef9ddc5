import { table } from './table.ts'

/** A candidate as `route explain` and `GET /waybills/{id}` tell it. */
export interface Candidate {
  readonly rank: number | null
  readonly model: string
  readonly tag: string
  readonly reason: string | null
  readonly price_per_million: string | null
  readonly weight: number | null
  /** Medians of five minutes, in explanations only; null: not measured. */
  readonly first_token_ms?: number | null
  readonly tokens_per_second?: number | null
}

interface Attempt {
  readonly n: number
  readonly provider: string
  readonly endpoint: string
  readonly outcome: string
  readonly status: number | null
  readonly start_ms: number
  readonly ttft_ms: number | null
  readonly duration_ms: number
  readonly output_tokens: number | null
  readonly rescued_by: string | null
  /** Bytes of text that the client had by then. */
  readonly rescued_at?: number | null
}

interface Cost {
  readonly lines?: readonly {
    readonly what: string
    readonly quantity: number
    readonly usd_per_million: string | null
    readonly usd_each: string
    readonly usd: string
  }[]
  readonly exact_usd?: string
  readonly price_usd?: string
  readonly saved_by_cache_usd?: string | null
  readonly charged_usd: string | null
  readonly usage_source: string
  readonly tariff_version?: string
  readonly note: string | null
}

/** `GET /waybills/{id}`. */
export interface Waybill {
  readonly id: string
  readonly created_at: string
  readonly requested: readonly string[]
  readonly resolved: readonly string[]
  readonly via: readonly string[] | null
  readonly because: string | null
  readonly strategy: string | null
  readonly result: string
  readonly gateway_ms: number | null
  readonly prompt_tokens_expected: number | null
  readonly considered: number | null
  readonly candidates: readonly Candidate[] | null
  readonly attempts: readonly Attempt[]
  readonly dropped_parameters: readonly string[] | null
  readonly cost: Cost | null
  readonly key: { readonly name: string | null }
  readonly generation: {
    readonly model: string
    readonly provider_name: string | null
    readonly streamed: boolean
    readonly simulated: boolean
    readonly finish_reason: string | null
    readonly error_code: string | null
    readonly latency: number | null
    readonly generation_time: number | null
  }
}

/** Most candidates that people are shown. */
const SHOWN = 60
/** Characters of the bar that a request's time is drawn on. */
const BAR = 40

/** The candidates as a table: those to try in order, then those left out, each with its reason. */
export function candidateLines(candidates: readonly Candidate[], considered = candidates.length): string[] {
  const shown = candidates.slice(0, SHOWN)
  const several = new Set(shown.map(({ model }) => model)).size > 1
  const measured = shown.some((c) => c.first_token_ms != null || c.tokens_per_second != null)
  const rows = shown.map(({ rank, model, tag, price_per_million, weight, reason, ...seen }) => [
    rank === null ? '–' : String(rank),
    several ? `${model} @ ${tag}` : tag,
    price_per_million === null ? '?' : dollars(price_per_million, 2),
    weight === null ? '' : `${Math.round(weight * 100)} %`,
    ...(measured ? [figure(seen.first_token_ms, 'ms'), figure(seen.tokens_per_second, '')] : []),
    reason ?? '',
  ])
  const speed = measured ? ['first token', 'tokens/s'] : []
  const lines = table(['#', 'endpoint', 'per million', 'share', ...speed, 'why'], rows)
  const hidden = considered - shown.length
  return hidden > 0 ? [...lines, `and ${hidden} more`] : lines
}

function figure(value: number | null | undefined, unit: string): string {
  return value == null ? '' : `${value} ${unit}`.trim()
}

/** A waybill as people read it: what was asked, who was considered, what was tried when, what it cost. */
export function receiptLines(bill: Waybill): string[] {
  const { generation: call, cost } = bill
  const sections = [
    table(['waybill', bill.id], facts(bill)),
    bill.candidates === null || bill.candidates.length === 0
      ? ['Its candidates are no longer kept.']
      : candidateLines(bill.candidates, bill.considered ?? undefined),
    bill.attempts.length === 0 ? ['No provider was asked.'] : waterfall(bill),
    ...(bill.dropped_parameters !== null && bill.dropped_parameters.length > 0
      ? [[`dropped, since ${call.provider_name} does not take them: ${bill.dropped_parameters.join(', ')}`]]
      : []),
    costLines(cost),
  ]
  return sections.flatMap((lines, i) => (i === 0 ? lines : ['', ...lines]))
}

function facts(bill: Waybill): string[][] {
  const { generation: call } = bill
  const names = bill.requested.map((name, i) => named(name, bill.via?.[i], bill.because)).join(' → ')
  const led = bill.resolved.join(' → ')
  const ended =
    call.error_code === null ? (call.finish_reason ?? bill.result) : `${bill.result}: ${call.error_code}`
  const times = [
    bill.gateway_ms === null ? null : `gateway ${bill.gateway_ms.toFixed(2)} ms`,
    call.latency === null ? null : `first token ${milliseconds(call.latency)}`,
    call.generation_time === null ? null : `answer ${milliseconds(call.generation_time)}`,
  ].filter((part) => part !== null)
  return [
    ['when', bill.created_at.replace('T', ' ').replace(/\.\d+Z$/, ' UTC')],
    ['key', bill.key.name ?? 'deleted'],
    ['asked for', names],
    ...(led === '' || led === bill.requested.join(' → ') ? [] : [['that is', led]]),
    ['answered by', call.provider_name === null ? 'nobody' : `${call.model} at ${call.provider_name}`],
    ...(bill.strategy === null ? [] : [['route', bill.strategy]]),
    ['ended', `${ended}${call.streamed ? ', streamed' : ''}${call.simulated ? ', simulated' : ''}`],
    ...(times.length === 0 ? [] : [['time', times.join(', ')]]),
  ]
}

function named(name: string, via: string | undefined, because: string | null): string {
  if (via === undefined || via === 'direct') return name
  if (via === 'alias' || via === 'latest') return `${name} (${via})`
  return `${name} (${because === null ? 'router' : `router: ${because}`})`
}

/** The tries one below the other on a common axis: `·` waiting for the first token, `█` answering. */
function waterfall({ attempts }: Waybill): string[] {
  const end = Math.max(1, ...attempts.map(({ start_ms, duration_ms }) => start_ms + duration_ms))
  const at = (ms: number) => Math.min(BAR, Math.round((ms / end) * BAR))
  const rows = attempts.map((attempt) => {
    const { start_ms, ttft_ms, duration_ms, outcome, status, output_tokens } = attempt
    const from = Math.min(at(start_ms), BAR - 1)
    const to = Math.max(at(start_ms + duration_ms), from + 1)
    const first = ttft_ms === null ? to : Math.max(at(start_ms + ttft_ms), from)
    const bar = ' '.repeat(from) + '·'.repeat(first - from) + '█'.repeat(to - first)
    const said = outcome === 'ok' ? `${status ?? ''} ok` : `${status ?? 'no answer'} ${outcome}`
    return [
      String(attempt.n),
      attempt.endpoint.slice(attempt.endpoint.lastIndexOf('@') + 1),
      `│${bar.padEnd(BAR)}│`,
      milliseconds(duration_ms),
      output_tokens === null || output_tokens === 0 ? '' : `${output_tokens} tokens`,
      attempt.rescued_by === null ? said : `${said}, ${rescue(attempt)}`,
    ]
  })
  return table(['try', 'endpoint', `0 … ${milliseconds(end)}`, 'took', 'output', 'said'], rows)
}

function rescue({ rescued_by: way, rescued_at: bytes }: Attempt): string {
  const after = bytes == null ? '' : ` after ${bytes} bytes`
  return `went on from the one before${after} (${way})`
}

function costLines(cost: Cost | null): string[] {
  if (cost === null) return ['Nothing was charged.']
  const rows = (cost.lines ?? []).map(({ what, quantity, usd_per_million, usd_each, usd }) => [
    what,
    quantity.toLocaleString('en-US'),
    usd_per_million === null ? `× ${dollars(usd_each)}` : `× ${dollars(usd_per_million)} / M`,
    `= ${dollars(usd)}`,
  ])
  const total = cost.charged_usd === null ? 'not known' : dollars(cost.charged_usd)
  if (cost.exact_usd !== undefined && cost.exact_usd !== cost.charged_usd)
    rows.push(['sum', '', '', `= ${dollars(cost.exact_usd)}`])
  if (cost.price_usd !== undefined && cost.price_usd !== cost.exact_usd)
    rows.push(['rounded up', '', '', `= ${dollars(cost.price_usd)}`])
  rows.push(['charged', '', '', `= ${total}`])
  const lines = table(['cost', 'tokens', '', ''], rows)
  if (cost.usage_source === 'estimated') lines.push('The provider reported no tokens: they are estimated.')
  if (cost.saved_by_cache_usd != null)
    lines.push(`saved ${dollars(cost.saved_by_cache_usd)} by the provider's cache`)
  if (cost.note !== null) lines.push(cost.note)
  return lines
}

function milliseconds(ms: number): string {
  return ms < 1_000 ? `${Math.round(ms)} ms` : `${(ms / 1_000).toFixed(2)} s`
}

/** A decimal of the API with its sign, as exact as it came; at least so many decimals. */
export function dollars(usd: string, decimals = 0): string {
  const [whole, fraction = ''] = usd.split('.')
  const shown = fraction.padEnd(decimals, '0')
  return `$${whole}${shown === '' ? '' : `.${shown}`}`
}
