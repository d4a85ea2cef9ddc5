export {
  formatUsd,
  type Nanos,
  nanosToDecimal,
  type Picos,
  picoToDecimal,
  picoToUsdPerMillion,
  usdPerMillionToPico,
  usdToNanos,
} from './amount.ts'
export type { LedgerEvent } from './engine.ts'
export * from './ledger.ts'
export { type KeyCap, limitRefs, type Span, spanOf, windowEnd, windowStart } from './limits.ts'
export { createMeter, freeze, type MeterEnd, type MeterOptions } from './meter.ts'
export { type OpenLedger, openLedger } from './open.ts'
export { type Quote, quote, worstCase } from './price.ts'
export { verify } from './verify.ts'
