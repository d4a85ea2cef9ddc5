import type { Words } from '../alerts/index.ts'
import { formatUsd, type LimitRef, nanosToDecimal, windowEnd } from '../money/index.ts'

/** How alerts tell amounts and windows. */
export const alertWords: Words = {
  usd: formatUsd,
  decimal: nanosToDecimal,
  windowEnd: (span, windowStart) => windowEnd(span as LimitRef['span'], windowStart),
}
