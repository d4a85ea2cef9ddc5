import type { Endpoint } from '../catalog/index.ts'
import type { Candidate } from './plan.types.ts'
import { comparablePrice } from './price.ts'

/** Static facts of one model's endpoints, shared by all waybills that were made over the same catalog. */
export interface CandidateTable {
  /** 16 hex digits, named by the content. */
  readonly hash: string
  /** JSON, see `TableRow`. */
  readonly data: string
}

/** `[model id, row, row, …]`; prices are pUSD per token as decimal strings, null where the price is unknown. */
type TableRow = readonly [
  tag: string,
  provider: string,
  tariffVersion: string | null,
  prompt: string | null,
  completion: string | null,
  comparable: string | null,
  contextLength: number,
]

/** A row read back. */
export interface TableEntry {
  readonly endpoint: string
  readonly model: string
  readonly tag: string
  readonly provider: string
  readonly tariffVersion: string | null
  /** pUSD per token as listed; null: unknown. */
  readonly prompt: bigint | null
  readonly completion: bigint | null
  /** The one figure by which endpoints are compared, pUSD per token. */
  readonly comparable: bigint | null
  /** Tokens; 0: unknown. */
  readonly contextLength: number
}

/** One model's stretch of a plan's candidates. */
export interface Stretch {
  readonly from: number
  readonly to: number
  readonly table: CandidateTable
}

/** Digits of a hash. */
export const HASH_DIGITS = 16

const known = new WeakMap<
  Endpoint,
  { readonly endpoints: readonly Endpoint[]; readonly table: CandidateTable }
>()

/**
 * The candidates of a plan by model, each with its table. Tables are remembered by the identity of the endpoints, so that
 * the usual request pays for a few comparisons only.
 */
export function stretches(candidates: readonly Candidate[]): Stretch[] {
  const found: Stretch[] = []
  for (let from = 0; from < candidates.length; ) {
    const { modelId } = candidates[from]!.endpoint
    let to = from + 1
    while (to < candidates.length && candidates[to]!.endpoint.modelId === modelId) to++
    found.push({ from, to, table: tableOf(candidates, from, to) })
    from = to
  }
  return found
}

function tableOf(candidates: readonly Candidate[], from: number, to: number): CandidateTable {
  const first = candidates[from]!.endpoint
  const remembered = known.get(first)
  if (remembered !== undefined && same(remembered.endpoints, candidates, from, to)) return remembered.table
  const endpoints = candidates.slice(from, to).map(({ endpoint }) => endpoint)
  const data = JSON.stringify([first.modelId, ...endpoints.map(row)])
  const table = { hash: contentHash(data), data }
  known.set(first, { endpoints, table })
  return table
}

function same(
  endpoints: readonly Endpoint[],
  candidates: readonly Candidate[],
  from: number,
  to: number,
): boolean {
  if (endpoints.length !== to - from) return false
  for (let i = from; i < to; i++) if (endpoints[i - from] !== candidates[i]!.endpoint) return false
  return true
}

function row({ tag, providerName, tariff, contextLength }: Endpoint): TableRow {
  return [
    tag,
    providerName,
    tariff?.version ?? null,
    tariff === null ? null : String(tariff.prompt),
    tariff === null ? null : String(tariff.completion),
    tariff === null ? null : String(comparablePrice(tariff)),
    contextLength,
  ]
}

/** The entries of a table in order; throws SyntaxError on other text. */
export function readTable(data: string): TableEntry[] {
  const [model, ...rows] = JSON.parse(data) as [string, ...TableRow[]]
  return rows.map(([tag, provider, tariffVersion, prompt, completion, comparable, contextLength]) => ({
    endpoint: `${model}@${tag}`,
    model,
    tag,
    provider,
    tariffVersion,
    prompt: prompt === null ? null : BigInt(prompt),
    completion: completion === null ? null : BigInt(completion),
    comparable: comparable === null ? null : BigInt(comparable),
    contextLength,
  }))
}

/** 64 bits of two multiply-and-xor lanes over the text, hex: a name for equal content, not a defence against forgery. */
function contentHash(text: string): string {
  const lanes = [0x811c9dc5, 0x9747b28c]
  for (let i = 0; i < text.length; i++) {
    const code = text.charCodeAt(i)
    for (let lane = 0; lane < 2; lane++) {
      const mixed = Math.imul(lanes[lane]! ^ (code + lane * 0x9e37), 0x01000193 + lane * 0x2a)
      lanes[lane] = mixed ^ (mixed >>> 13)
    }
  }
  return lanes.map((lane) => ((lane ^ (lane >>> 15)) >>> 0).toString(16).padStart(8, '0')).join('')
}
