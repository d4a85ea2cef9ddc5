import type { Usage } from '../chat/index.ts'
import type { Candidate, Plan } from './plan.types.ts'
import {
  noteLetter,
  outcomeCode,
  reasonLetter,
  runLengths,
  type Seam,
  seamCode,
  viaLetter,
} from './waybill-codes.ts'
import { type CandidateTable, type Stretch, stretches } from './waybill-tables.ts'

/** One upstream try as the waybill keeps it. */
export interface WaybillAttempt {
  readonly endpointId: string
  /** `ok`, `cancelled` or the error code. */
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
  /** How this try carried on an answer that another one began; null or absent: it did not. */
  readonly seam?: Seam | null
  /** How much of the answer the client had by then, bytes of text. */
  readonly seamAt?: number
}

/** Everything a waybill is made of. */
export interface WaybillFacts {
  readonly plan: Plan
  readonly attempts: readonly WaybillAttempt[]
  /** Names of parameters that the endpoint which served could not take. */
  readonly dropped: readonly string[]
  /** Tokens that were charged for; null when nothing was. */
  readonly usage: Usage | null
  /** Estimated tokens of the prompt, as routing saw them. */
  readonly promptTokens: number
  readonly maxOutputTokens: number | null
}

export interface EncodedWaybill {
  /** JSON of at most `WAYBILL_BYTES` bytes. */
  readonly data: string
  /** The tables it refers to, to be kept once each. */
  readonly tables: readonly CandidateTable[]
}

/** The stored form. Members are added in later versions, never changed; see `waybill-read.ts` for what they mean. */
export interface WaybillParts {
  v: 2
  m: string[]
  /** A letter for each name: how it led to models. */
  r?: string
  /** What a router made of the request. */
  b?: string
  s: string
  /** Hashes of the tables, joined: their rows one after the other are the candidates. */
  t: string
  /** Candidates of the plan, when the tables do not hold all of them. */
  c?: number
  x: string
  o: number[]
  w: number[]
  n: string
  q: [promptTokens: number, maxOutput: number | null]
  a: (readonly [number, number, number | null, number, number | null, number, number, number?, number?])[]
  u: number[] | null
  d: string[]
}

/** Most bytes of a waybill. */
export const WAYBILL_BYTES = 1_000
/** Places of the order that a waybill tells. */
const PLACES = 32
/** Models whose tables a waybill refers to. */
const MODELS = 12

/**
 * The waybill of one request: models, strategy, a letter of reason for each candidate, the order with weights and notes,
 * the tries, the tokens charged and the parameters dropped. What does not fit is cut from the end of the lists, the tries
 * last. Pure.
 */
export function encodeWaybill(facts: WaybillFacts): EncodedWaybill {
  const { plan, attempts } = facts
  const told = toldStretches(plan, attempts)
  const { reasons, order } = walk(plan, told)
  const parts: WaybillParts = {
    v: 2,
    m: plan.requested.slice(0, 8).map((name) => name.slice(0, 100)),
    s: plan.strategy.slice(0, 40),
    t: told.map(({ table }) => table.hash).join(''),
    x: runLengths(reasons),
    o: order.map(({ row }) => row),
    w: weights(order),
    n: runLengths(notes(order)),
    q: [facts.promptTokens, facts.maxOutputTokens],
    a: attempts.map((attempt) => attemptParts(attempt, rowOf(attempt.endpointId, plan, told))),
    u: facts.usage === null ? null : usageParts(facts.usage),
    d: facts.dropped.slice(0, 16).map((name) => name.slice(0, 40)),
  }
  if (reasons.length < plan.candidates.length) parts.c = plan.candidates.length
  const routes = plan.routes?.slice(0, 8) ?? []
  if (routes.some(({ via }) => via !== 'direct')) parts.r = routes.map(({ via }) => viaLetter(via)).join('')
  const because = routes.find((route) => route.because !== null)?.because
  if (because != null) parts.b = because.slice(0, 60)
  return { data: fitted(parts), tables: told.map(({ table }) => table) }
}

/** The models that were tried before those that were only considered, up to so many. */
function toldStretches(plan: Plan, attempts: readonly WaybillAttempt[]): Stretch[] {
  const all = stretches(plan.candidates)
  if (all.length <= MODELS) return all
  const tried = new Set(attempts.map(({ endpointId }) => endpointId))
  const wasTried = ({ from, to }: Stretch): boolean =>
    plan.candidates.slice(from, to).some(({ endpoint }) => tried.has(endpoint.id))
  return [...all.filter(wasTried), ...all.filter((stretch) => !wasTried(stretch))].slice(0, MODELS)
}

interface Place {
  /** Number of the candidate among the rows of all tables. */
  readonly row: number
  readonly candidate: Candidate
}

/** A letter for each row, and the first places of the order as far as they are in the tables. */
function walk({ candidates }: Plan, told: readonly Stretch[]): { reasons: string; order: Place[] } {
  const places: (Place | undefined)[] = []
  let reasons = ''
  let row = 0
  for (const { from, to } of told) {
    for (let i = from; i < to; i++, row++) {
      const candidate = candidates[i]!
      reasons += reasonLetter(candidate.excluded)
      if (candidate.rank !== null && candidate.rank < PLACES) places[candidate.rank] = { row, candidate }
    }
  }
  const order: Place[] = []
  for (let place = places[0]; place !== undefined; place = places[order.length]) order.push(place)
  return { reasons, order }
}

/** The row of an endpoint; -1 when it is in none of the tables. */
function rowOf(endpointId: string, { candidates }: Plan, told: readonly Stretch[]): number {
  let before = 0
  for (const { from, to } of told) {
    for (let i = from; i < to; i++) if (candidates[i]!.endpoint.id === endpointId) return before + i - from
    before += to - from
  }
  return -1
}

/** Shares of the draw in thousandths, by place; -1: took no part. Those at the end are left out. */
function weights(order: readonly Place[]): number[] {
  const shares = order.map(({ candidate: { weight } }) => (weight === null ? -1 : Math.round(weight * 1_000)))
  while (shares.at(-1) === -1) shares.length--
  return shares
}

function notes(order: readonly Place[]): string {
  let letters = ''
  for (const { candidate } of order) letters += noteLetter(candidate.note)
  return letters
}

function attemptParts(attempt: WaybillAttempt, row: number): WaybillParts['a'][number] {
  const { outcome, status, startMs, ttftMs, durationMs, outputTokens, seam, seamAt = 0 } = attempt
  const parts = [
    row,
    outcomeCode(outcome),
    status,
    Math.round(startMs),
    ttftMs === null ? null : Math.round(ttftMs),
    Math.round(durationMs),
    outputTokens,
  ] as const
  return seam == null ? parts : [...parts, seamCode(seam), seamAt]
}

/** Counts by kind, those at the end left out when they are 0. */
function usageParts(usage: Usage): number[] {
  const counts = [
    usage.promptTokens,
    usage.completionTokens,
    usage.cacheReadTokens,
    usage.cacheWriteTokens,
    usage.cacheWrite1hTokens,
    usage.reasoningTokens,
  ]
  while (counts.at(-1) === 0) counts.length--
  return counts
}

function fitted(parts: WaybillParts): string {
  let data = JSON.stringify(parts)
  while (data.length > WAYBILL_BYTES / 3 && bytes(data) > WAYBILL_BYTES) {
    if (parts.d.length > 0) parts.d.length--
    else if (parts.m.length > 1) parts.m.length--
    else if (parts.w.length > 0) parts.w.length = 0
    else if (parts.n !== '') parts.n = ''
    else if (parts.x.length > 100) parts.x = parts.x.slice(0, 100)
    else if (parts.o.length > 0) parts.o.length--
    else if (parts.a.length > 0) parts.a.length--
    else parts.m = ['']
    data = JSON.stringify(parts)
  }
  return data
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
