import { StoreError, type StoreErrorKind } from '../store.ts'

/** @returns the SQLSTATE of an error of the server, or an empty string for one of the connection */
export function sqlState(error: unknown): string {
  const code = error instanceof Error && 'code' in error ? String(error.code) : ''
  return /^[0-9A-Z]{5}$/.test(code) ? code : ''
}

/** Another transaction stood in the way; the same unit succeeds when tried again. */
export function isConflict(error: unknown): boolean {
  return ['40P01', '40001'].includes(sqlState(error))
}

/** @returns what the store's callers see; classes: https://www.postgresql.org/docs/current/errcodes-appendix.html */
export function toStoreError(error: unknown, step: number | null = null): StoreError {
  if (error instanceof StoreError) return error
  const message = error instanceof Error ? error.message || error.name : String(error)
  const state = sqlState(error)
  const kind = kindOf(state)
  return new StoreError(kind === 'unavailable' ? `the database: ${message}` : message, kind, step)
}

function kindOf(state: string): StoreErrorKind {
  if (state === '23505') return 'unique'
  if (state.startsWith('23') || state === 'P0001') return 'constraint'
  // Another number of parameters than placeholders.
  if (state === '08P01') return 'invalid'
  if (['22', '42', '0A', '21'].includes(state.slice(0, 2))) return 'invalid'
  return 'unavailable'
}
