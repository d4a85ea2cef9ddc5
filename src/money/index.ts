export {
  formatUsd,
  nanosToDecimal,
  picoToDecimal,
  picoToUsdPerMillion,
  usdToNanos,
} from './amount.ts'
export * from './budgets.ts'
export { decodeTariff } from './codec.ts'
export type { LedgerEvent } from './engine.ts'
export { type Explanation, explainCharge } from './explain.ts'
export { type JournalCursor, type JournalWithLines, journalPage } from './journals.ts'
export * from './ledger.ts'
export { limitRefs, windowEnd, windowStart } from './limits.ts'
export { type Ahead, createMeter, freeze, type MeterEnd } from './meter.ts'
export { openLedger } from './open.ts'
export { quote, worstCase } from './price.ts'
export { itemize, type Receipt, type ReceiptLine } from './receipt.ts'
export type { AlertRules } from './state.ts'
export { verify } from './verify.ts'
