import { type Json, list, object, text } from './json.ts'

/** Reads a response header by its lower-case name. */
export type HeaderReader = (name: string) => string | undefined

/** Nobody is asked to wait longer; a provider that says more is read as this. */
const MAX_MS = 24 * 60 * 60 * 1000

/**
 * How long a provider asks us to wait, ms from `nowMs`; null when it says nothing. In order of trust: `retry-after-ms`
 * (OpenAI, Azure), `retry-after` in seconds or as an HTTP date (RFC 9110), Google's `RetryInfo.retryDelay` in the body,
 * `x-ratelimit-reset-*` headers of exhausted windows, and "try again in 7.66s" of the message.
 */
export function retryAfter(
  header: HeaderReader,
  error: Json | null,
  message: string,
  nowMs: number,
): number | null {
  const found =
    best(milliseconds(header('retry-after-ms')), secondsOrDate(header('retry-after'), nowMs)) ??
    retryInfo(error) ??
    resets(header, nowMs) ??
    duration(/(?:try again|retry) (?:in|after) ((?:\d+(?:\.\d+)?(?:ms|h|m|s)\s?)+)/i.exec(message)?.[1])
  return found === null ? null : Math.min(Math.max(0, Math.ceil(found)), MAX_MS)
}

/** Azure sends `retry-after-ms: 0` beside `retry-after: 1`: the longer one is meant. */
function best(precise: number | null, coarse: number | null): number | null {
  if (precise === null || precise === 0) return coarse ?? precise
  return precise
}

function milliseconds(value: string | undefined): number | null {
  return value !== undefined && /^\d+(\.\d+)?$/.test(value.trim()) ? Number(value) : null
}

function secondsOrDate(value: string | undefined, nowMs: number): number | null {
  if (value === undefined) return null
  if (/^\d+(\.\d+)?$/.test(value.trim())) return Number(value) * 1000
  const date = Date.parse(value)
  return Number.isNaN(date) ? duration(value) : date - nowMs
}

function retryInfo(error: Json | null): number | null {
  for (const detail of list(error?.['details'])) {
    const delay = duration(text(object(detail)?.['retryDelay']) ?? undefined)
    if (delay !== null) return delay
  }
  const headers = object(object(error?.['metadata'])?.['headers'])
  return milliseconds(text(headers?.['retry-after-ms']) ?? undefined)
}

/** Only windows that are used up make a caller wait; without the count every reset is taken, the longest one. */
function resets(header: HeaderReader, nowMs: number): number | null {
  let longest: number | null = null
  for (const window of [
    'requests',
    'tokens',
    'requests-day',
    'tokens-minute',
    'input-tokens',
    'output-tokens',
  ]) {
    const remaining =
      header(`x-ratelimit-remaining-${window}`) ?? header(`anthropic-ratelimit-${window}-remaining`)
    if (remaining !== undefined && Number(remaining) > 0) continue
    const reset = header(`x-ratelimit-reset-${window}`) ?? header(`anthropic-ratelimit-${window}-reset`)
    const wait = instantOrDuration(reset, nowMs)
    if (wait !== null && (longest === null || wait > longest)) longest = wait
  }
  return longest ?? instantOrDuration(header('x-ratelimit-reset') ?? header('ratelimit-reset'), nowMs)
}

/** `7.66s`, `2m59.56s`, `820ms`; plain seconds; Unix seconds or ms; an ISO or HTTP date. */
function instantOrDuration(value: string | undefined, nowMs: number): number | null {
  if (value === undefined) return null
  if (/^\d+(\.\d+)?$/.test(value)) {
    const number = Number(value)
    // Beyond a year of seconds it is a point in time; beyond 10^11 that point is in ms.
    if (number > 1e11) return number - nowMs
    return number > 3e7 ? number * 1000 - nowMs : number * 1000
  }
  const span = duration(value)
  if (span !== null) return span
  const date = Date.parse(value)
  return Number.isNaN(date) ? null : date - nowMs
}

const UNIT_MS: Readonly<Record<string, number>> = { ms: 1, s: 1000, m: 60_000, h: 3_600_000, d: 86_400_000 }

/** `1h2m3.5s` in ms, or null when it is something else. */
function duration(value: string | undefined): number | null {
  const source = value?.trim()
  if (!source || !/^(\d+(\.\d+)?(ms|d|h|m|s)\s?)+$/i.test(source)) return null
  let total = 0
  for (const [, amount, unit] of source.matchAll(/(\d+(?:\.\d+)?)(ms|d|h|m|s)/gi)) {
    total += Number(amount) * UNIT_MS[unit!.toLowerCase()]!
  }
  return total
}
