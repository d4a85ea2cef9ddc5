import type { Percentiles, ProviderPreferences } from '../chat/index.ts'
import type { EndpointHealth, PercentileFigures } from './plan.types.ts'

/** Is an endpoint known to be slower than the request prefers? What has not been measured is not. */
export function missesPreference(health: EndpointHealth, wishes: ProviderPreferences): boolean {
  const { preferredMinThroughput: speed, preferredMaxLatency: latency } = wishes
  if (speed !== undefined && health.throughput && anyBeyond(speed, health.throughput, 1, -1)) return true
  return latency !== undefined && !!health.ttftMs && anyBeyond(latency, health.ttftMs, 1_000, 1)
}

/** Is any measured percentile on the wrong side of its cutoff? `sign` 1: above is wrong, -1: below is wrong. */
function anyBeyond(cutoffs: Percentiles, measured: PercentileFigures, scale: number, sign: 1 | -1): boolean {
  const beyond = (cutoff: number | undefined, value: number): boolean =>
    cutoff !== undefined && (value - cutoff * scale) * sign > 0
  return (
    beyond(cutoffs.p50, measured.p50) ||
    beyond(cutoffs.p75, measured.p75) ||
    beyond(cutoffs.p90, measured.p90) ||
    beyond(cutoffs.p99, measured.p99)
  )
}

/**
 * Throughput below which a provider of the model counts as poor: the median less 1.5 standard deviations, the latter
 * from the median absolute deviation; 0 with fewer than four providers measured. Source: OpenRouter's Auto Exacto.
 */
export function slowBelow(healths: readonly EndpointHealth[]): number {
  const speeds = healths.flatMap((h) => (h.throughputP50 === null ? [] : [h.throughputP50]))
  if (speeds.length < 4) return 0
  const middle = median(speeds)
  return middle - 1.5 * 1.4826 * median(speeds.map((speed) => Math.abs(speed - middle)))
}

function median(values: readonly number[]): number {
  const sorted = values.toSorted((a, b) => a - b)
  const half = sorted.length >> 1
  return sorted.length % 2 === 1 ? sorted[half]! : (sorted[half - 1]! + sorted[half]!) / 2
}
