import { hash } from 'node:crypto'
import type { ChainRow } from '../store/index.ts'
import type { Draft } from './state.ts'

/** A journal with its place in a chain. */
export interface Sealed {
  readonly id: string
  readonly chain: string
  readonly seq: bigint
  readonly draft: Draft
  readonly prevHash: string
  readonly hash: string
}

/** What the hash of a journal covers, besides the hash before it. */
export interface Covered {
  readonly id: string
  readonly kind: string
  readonly reference: string
  readonly organizationId: string | null
  readonly at: bigint | number
  readonly memo: string | null
  /** By line, in order. */
  readonly entries: readonly (readonly [accountId: string, amount: bigint])[]
}

/** SHA-256 (hex) over the previous hash and the canonical row: journal and entries in one. */
export function journalHash(prevHash: string, row: Covered): string {
  const { id, kind, reference, organizationId, at, memo } = row
  const lines = row.entries.map(([account, amount]) => [account, amount.toString()])
  return hash(
    'sha256',
    `${prevHash}\n${JSON.stringify([id, kind, reference, organizationId, Number(at), memo, lines])}`,
  )
}

/** What the first journal of a chain builds on: the chain's line in the registry. */
export function genesis(chain: Pick<ChainRow, 'id' | 'node' | 'started_at'>): string {
  return hash('sha256', JSON.stringify([chain.id, chain.node, Number(chain.started_at)]))
}

/** The end of one writer's chain of journals. */
export class Chain {
  readonly id: string
  readonly node: string
  readonly startedAt: number
  #length = 0n
  #head: string

  /** @param id unique for ever: one per process and per restart of its writer. */
  constructor(id: string, node: string, startedAt: number) {
    this.id = id
    this.node = node
    this.startedAt = startedAt
    this.#head = genesis({ id, node, started_at: BigInt(startedAt) })
  }

  /** Puts a journal at the end. */
  seal(draft: Draft): Sealed {
    const seq = this.#length + 1n
    const id = `${this.id}:${seq}`
    const prevHash = this.#head
    const sealed: Sealed = {
      id,
      chain: this.id,
      seq,
      draft,
      prevHash,
      hash: journalHash(prevHash, { ...draft, id }),
    }
    this.#length = seq
    this.#head = sealed.hash
    return sealed
  }

  row(): ChainRow {
    return {
      id: this.id,
      node: this.node,
      started_at: BigInt(this.startedAt),
      length: this.#length,
      head: this.#head,
    }
  }
}
