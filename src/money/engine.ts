import type { Clock } from '../lib/index.ts'
import { fillRecord } from './codec.ts'
import {
  LedgerError,
  type ReserveResult,
  type SettleCommand,
  type SettleRecord,
  type SettleResult,
} from './ledger.ts'
import type { AlertRules, Decision, Denial } from './state.ts'

export interface LedgerOptions {
  readonly clock: Clock
  /** Name of this process for people; chains and holds carry it with a unique suffix. */
  readonly node: string
  /** Unique for ever, one per process. */
  readonly epoch: string
  /** On top of every price, parts per million. */
  readonly markupPpm?: bigint
  /** What people are told of now; nothing when absent. */
  readonly alerts?: () => AlertRules
  /** Told when the store fails, when it serves again, and of charges beyond what balance and limits bear. */
  readonly onEvent?: (event: LedgerEvent) => void
}

export type LedgerEvent =
  | { readonly type: 'halted'; readonly reason: string }
  | { readonly type: 'resumed'; readonly afterMs: number }
  | { readonly type: 'record_failed'; readonly holdId: string; readonly error: unknown }
  | { readonly type: 'written_off'; readonly holdId: string; readonly nanos: bigint }

/**
 * The rows that go with a resolved hold. A settle always has a generation row, so that usage and charges agree; a
 * description that fails costs its details, never the charge.
 */
export function resolvedRows(
  record: SettleCommand['record'],
  decision: Extract<Decision, { ok: true }>,
  tell: (event: LedgerEvent) => void,
): SettleRecord | null {
  const { hold } = decision.change
  if (hold === null) return null
  const result = decision.settled ?? NOTHING_CHARGED
  let described: SettleRecord | null = null
  try {
    described = typeof record === 'function' ? record(result) : record
  } catch (error) {
    tell({ type: 'record_failed', holdId: hold.id, error })
  }
  if (result.writtenOffNanos > 0n) {
    tell({ type: 'written_off', holdId: hold.id, nanos: result.writtenOffNanos })
  }
  return hold.state === 'released' && described === null ? null : fillRecord(described, hold, result)
}

export const NOTHING_CHARGED: SettleResult = {
  chargedNanos: 0n,
  upstreamPromptNanos: null,
  upstreamCompletionNanos: null,
  writtenOffNanos: 0n,
}

/** A denial as the answer to a reserve or extend. @throws {LedgerError} for mistakes of the caller */
export function refused(denial: Denial): ReserveResult {
  if (denial.kind === 'no_hold' || denial.kind === 'duplicate' || denial.kind === 'overflow')
    throw refusedError(denial)
  return { ok: false, refusal: denial }
}

/** A denial as the error of a call that has no other way to say no. */
export function refusedError(denial: Denial): LedgerError {
  switch (denial.kind) {
    case 'no_hold':
      return new LedgerError('unknown_hold', 'there is no such open hold')
    case 'duplicate':
      return new LedgerError('conflict', 'this id holds money already')
    case 'overflow':
      return new LedgerError('overflow', 'an account holds at most 9 billion USD')
    case 'unavailable':
      return new LedgerError('unavailable', denial.message)
    case 'balance':
    case 'limit':
      return new LedgerError('refused', 'the balance would fall below zero')
  }
}

export function conflict(reference: string): LedgerError {
  return new LedgerError('conflict', `${reference} was credited before, with another amount or organization`)
}

export function sleep(ms: number): Promise<void> {
  return new Promise((resolve) => {
    setTimeout(resolve, ms)
  })
}
