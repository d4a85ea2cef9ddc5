import { NO_USAGE, type Usage } from '../chat/index.ts'
import type { ExclusionReason, Route } from './plan.types.ts'
import type { WaybillAttempt, WaybillParts } from './waybill.ts'
import {
  expandRuns,
  noteOf,
  outcomeOf,
  reasonOf,
  reasonWords,
  type Seam,
  seamOf,
  viaOf,
} from './waybill-codes.ts'
import { HASH_DIGITS, readTable, type TableEntry } from './waybill-tables.ts'

/** A candidate read back: what its table says, and what this request made of it. */
export interface WaybillCandidate extends TableEntry {
  readonly excluded: ExclusionReason | null
  /** Why it was left out, or why it stands where it stands; null when that was not told. */
  readonly reason: string | null
  /** Place in the order, 0-based; null when left out or further back than the waybill tells. */
  readonly rank: number | null
  /** Share of the draw for the first place, 0..1; null when it took no part. */
  readonly weight: number | null
}

export interface WaybillRecord {
  readonly requested: readonly string[]
  /** How each name led to models, `direct` where nothing was told. */
  readonly via: readonly Route['via'][]
  /** What a router made of the request, e.g. `code, high`. */
  readonly because: string | null
  /** Catalog ids that the names led to, in the order of the candidates. */
  readonly resolved: readonly string[]
  readonly strategy: string
  /** Those to try, first to last, then the others in catalog order. */
  readonly candidates: readonly WaybillCandidate[]
  /** All that were considered; more than `candidates` when the waybill does not tell of each. */
  readonly considered: number
  readonly promptTokens: number
  readonly maxOutputTokens: number | null
  readonly attempts: readonly (WaybillAttempt & {
    readonly provider: string
    readonly model: string
    readonly seam: Seam | null
  })[]
  /** Tokens charged for; null when nothing was. */
  readonly usage: Usage | null
  readonly dropped: readonly string[]
}

/** Hashes of the tables that a stored waybill refers to; empty for text that is none. */
export function waybillTables(data: string): string[] {
  const { t } = parse(data) ?? { t: '' }
  const hashes: string[] = []
  for (let at = 0; at < t.length; at += HASH_DIGITS) hashes.push(t.slice(at, at + HASH_DIGITS))
  return hashes
}

/** Reads a stored waybill with its tables by hash; null for text that is none. Tables that are gone leave their candidates out. */
export function readWaybill(data: string, tables: ReadonlyMap<string, string>): WaybillRecord | null {
  const parts = parse(data)
  if (parts === null) return null
  const read = waybillTables(data).map((hash) => tables.get(hash))
  // Positions count through all tables: without one of them the later ones cannot be told apart.
  const gone = read.indexOf(undefined)
  const rows = (gone < 0 ? read : read.slice(0, gone)).flatMap((table) => readTable(table!))
  const [promptTokens, maxOutputTokens] = parts.q
  return {
    requested: parts.m,
    via: parts.m.map((_, i) => viaOf(parts.r?.[i] ?? '') ?? 'direct'),
    because: parts.b ?? null,
    resolved: [...new Set(rows.map(({ model }) => model))],
    strategy: parts.s,
    candidates: candidates(parts, rows),
    considered: parts.c ?? expandRuns(parts.x).length,
    promptTokens,
    maxOutputTokens,
    attempts: parts.a.map((attempt) => readAttempt(attempt, rows)),
    usage: parts.u === null ? null : readUsage(parts.u),
    dropped: parts.d,
  }
}

function parse(data: string): WaybillParts | null {
  try {
    const parts = JSON.parse(data) as WaybillParts | null
    return parts?.v === 2 ? parts : null
  } catch {
    return null
  }
}

function candidates(parts: WaybillParts, rows: readonly TableEntry[]): WaybillCandidate[] {
  const reasons = expandRuns(parts.x)
  const notes = expandRuns(parts.n)
  const places = new Map(parts.o.map((row, place) => [row, place]))
  const all = rows.map((row, i): WaybillCandidate => {
    const excluded = reasonOf(reasons[i] ?? '')
    const rank = places.get(i) ?? null
    const share = rank === null ? undefined : parts.w[rank]
    return {
      ...row,
      excluded,
      reason: excluded !== null ? reasonWords(excluded) : rank === null ? null : noteOf(notes[rank] ?? ''),
      rank,
      weight: share === undefined || share < 0 ? null : share / 1_000,
    }
  })
  return all.sort((a, b) => (a.rank ?? 1e9) - (b.rank ?? 1e9))
}

function readAttempt(
  parts: WaybillParts['a'][number],
  rows: readonly TableEntry[],
): WaybillRecord['attempts'][number] {
  const [at, code, status, startMs, ttftMs, durationMs, outputTokens, seam, seamAt] = parts
  const row = rows[at]
  return {
    endpointId: row?.endpoint ?? 'unknown',
    provider: row?.provider ?? 'unknown',
    model: row?.model ?? 'unknown',
    outcome: outcomeOf(code),
    status,
    startMs,
    ttftMs,
    durationMs,
    outputTokens,
    seam: seamOf(seam),
    ...(seamAt !== undefined && { seamAt }),
  }
}

function readUsage(counts: readonly number[]): Usage {
  const [promptTokens = 0, completionTokens = 0, cacheReadTokens = 0, cacheWriteTokens = 0] = counts
  const [, , , , cacheWrite1hTokens = 0, reasoningTokens = 0] = counts
  return {
    ...NO_USAGE,
    promptTokens,
    completionTokens,
    cacheReadTokens,
    cacheWriteTokens,
    cacheWrite1hTokens,
    reasoningTokens,
  }
}
