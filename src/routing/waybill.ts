import type { Endpoint } from '../catalog/index.ts'
import type { Candidate, ExclusionReason, Plan } from './plan.types.ts'

/** One upstream try as the waybill keeps it. */
export interface WaybillAttempt {
  readonly endpointId: string
  /** `ok` or the error code. */
  readonly outcome: string
  /** HTTP status of the provider, null when none came. */
  readonly status: number | null
  /** ms from the start of the request to dispatch. */
  readonly startMs: number
  /** ms from dispatch to the first token; null when none came. */
  readonly ttftMs: number | null
  /** ms from dispatch to the end. */
  readonly durationMs: number
  readonly outputTokens: number
}

/** Static facts of the candidates of a plan, shared by all waybills of the same models and catalog. */
export interface CandidateTable {
  readonly hash: string
  /** JSON: `[[endpoint id, provider, tariff version, "input/output" in pUSD per token], …]`, nulls where the price is unknown. */
  readonly data: string
}

/** A waybill read back. */
export interface WaybillRecord {
  readonly requested: readonly string[]
  readonly strategy: string
  readonly candidates: readonly {
    readonly endpoint: string
    readonly provider: string
    /** `input/output`, pUSD per token, as listed. */
    readonly price: string | null
    readonly excluded: ExclusionReason | null
    /** Place in the order, 0-based; null when left out or further back than the waybill tells. */
    readonly rank: number | null
  }[]
  readonly attempts: readonly (WaybillAttempt & { readonly provider: string })[]
  readonly dropped: readonly string[]
}

/** Most bytes of a waybill. */
export const WAYBILL_BYTES = 1_000
/** Places of the order that a waybill tells. */
const TOLD = 10

/** Reasons as letters; the letters are stored, so they never change their meaning. `.` stands for eligible. */
const LETTERS: Record<ExclusionReason, string> = {
  no_credential: 'c',
  no_dialect: 'd',
  unknown_price: 'u',
  context_length: 'l',
  max_output: 'm',
  input_modality: 'i',
  output_modality: 'o',
  require_parameters: 'r',
  max_price: 'p',
  only: 'n',
  ignore: 'g',
  order_without_fallbacks: 'f',
  quantization: 'q',
  data_policy: 'z',
  key_policy: 'k',
  service_tier: 't',
  simulated: 's',
}
const REASONS = new Map(
  Object.entries(LETTERS).map(([reason, letter]) => [letter, reason as ExclusionReason]),
)

const tables = new WeakMap<Endpoint, { endpoints: readonly Endpoint[]; table: CandidateTable }>()

/**
 * The interned part of a plan's explanation. Named by its content, and remembered by the identity of the endpoints, so
 * that the usual request pays for a few comparisons only.
 */
export function candidateTable(plan: Plan): CandidateTable {
  const first = plan.candidates[0]?.endpoint
  const known = first === undefined ? undefined : tables.get(first)
  if (known !== undefined && sameEndpoints(known.endpoints, plan.candidates)) return known.table
  const endpoints = plan.candidates.map((candidate) => candidate.endpoint)
  const rows = endpoints.map((e) => [
    e.id,
    e.providerName,
    e.tariff?.version ?? null,
    e.tariff === null ? null : `${e.tariff.prompt}/${e.tariff.completion}`,
  ])
  const data = JSON.stringify(rows)
  const table = { hash: contentHash(data), data }
  if (first !== undefined) tables.set(first, { endpoints, table })
  return table
}

function sameEndpoints(endpoints: readonly Endpoint[], candidates: readonly Candidate[]): boolean {
  if (endpoints.length !== candidates.length) return false
  for (let i = 0; i < endpoints.length; i++) if (endpoints[i] !== candidates[i]!.endpoint) return false
  return true
}

/**
 * The request's own part: models, strategy, a letter of reason for each row of the table, the first places of the
 * order, the attempts, and the parameters dropped. JSON of at most 1,000 bytes: what does not fit is cut from the end
 * of the lists, attempts last.
 */
export function waybillData(
  plan: Plan,
  attempts: readonly WaybillAttempt[],
  dropped: readonly string[] = [],
): string {
  const positions = new Map(plan.candidates.map((candidate, i) => [candidate.endpoint.id, i]))
  const parts = {
    v: 1,
    m: plan.requested.slice(0, 8).map((name) => name.slice(0, 100)),
    s: plan.strategy,
    t: candidateTable(plan).hash,
    x: runLengths(plan.candidates.map((c) => (c.excluded === null ? '.' : LETTERS[c.excluded]))),
    o: plan.order.slice(0, TOLD).map((endpoint) => positions.get(endpoint.id) ?? -1),
    a: attempts.map((a) => [
      positions.get(a.endpointId) ?? -1,
      a.outcome.slice(0, 24),
      a.status,
      Math.round(a.startMs),
      a.ttftMs === null ? null : Math.round(a.ttftMs),
      Math.round(a.durationMs),
      a.outputTokens,
    ]),
    d: dropped.slice(0, 16).map((name) => name.slice(0, 40)),
  }
  let data = JSON.stringify(parts)
  while (bytes(data) > WAYBILL_BYTES) {
    if (parts.d.length > 0) parts.d.length--
    else if (parts.m.length > 1) parts.m.length--
    else if (parts.x.length > 100) parts.x = parts.x.slice(0, 100)
    else if (parts.o.length > 0) parts.o.length--
    else if (parts.a.length > 0) parts.a.length--
    else parts.m = ['']
    data = JSON.stringify(parts)
  }
  return data
}

/** Reads a stored waybill with its candidate table (null when that is gone); throws SyntaxError on other text. */
export function readWaybill(data: string, table: string | null): WaybillRecord {
  const parts = JSON.parse(data) as {
    m: string[]
    s: string
    x: string
    o: number[]
    a: [number, string, number | null, number, number | null, number, number][]
    d: string[]
  }
  const rows = (table === null ? [] : JSON.parse(table)) as [string, string, string | null, string | null][]
  const letters = expand(parts.x)
  const rank = new Map(parts.o.map((row, place) => [row, place]))
  return {
    requested: parts.m,
    strategy: parts.s,
    candidates: rows.map(([endpoint, provider, , price], i) => ({
      endpoint,
      provider,
      price,
      excluded: REASONS.get(letters[i] ?? '') ?? null,
      rank: rank.get(i) ?? null,
    })),
    attempts: parts.a.map(([row, outcome, status, startMs, ttftMs, durationMs, outputTokens]) => ({
      endpointId: rows[row]?.[0] ?? 'unknown',
      provider: rows[row]?.[1] ?? 'unknown',
      outcome,
      status,
      startMs,
      ttftMs,
      durationMs,
      outputTokens,
    })),
    dropped: parts.d,
  }
}

/** `aaab` → `3ab`. Letters only. */
function runLengths(letters: readonly string[]): string {
  let out = ''
  for (let i = 0; i < letters.length; ) {
    let n = 1
    while (letters[i + n] === letters[i]) n++
    out += (n === 1 ? '' : n) + letters[i]!
    i += n
  }
  return out
}

function expand(runs: string): string {
  return runs.replace(/(\d+)([a-z.])/g, (_, n: string, letter: string) => letter.repeat(Number(n)))
}

/** UTF-8 length. */
function bytes(text: string): number {
  let n = 0
  for (const character of text) {
    const code = character.codePointAt(0)!
    n += code < 0x80 ? 1 : code < 0x800 ? 2 : code < 0x10000 ? 3 : 4
  }
  return n
}

/** 128 bits of four multiply-and-xor lanes over the text, hex: a name for equal content, not a defence against forgery. */
function contentHash(text: string): string {
  const lanes = [0x811c9dc5, 0x9747b28c, 0x3c6ef372, 0x1b873593]
  for (let i = 0; i < text.length; i++) {
    const code = text.charCodeAt(i)
    for (let lane = 0; lane < 4; lane++) {
      lanes[lane] = Math.imul(lanes[lane]! ^ (code + lane * 0x9e37), 0x01000193 + lane * 2)
    }
  }
  return lanes.map((lane) => ((lane ^ (lane >>> 15)) >>> 0).toString(16).padStart(8, '0')).join('')
}
