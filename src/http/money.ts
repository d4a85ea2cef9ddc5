import { GatewayError } from '../chat/index.ts'
import { nanosToDecimal, usdToNanos } from '../money/index.ts'

/**
 * Nano-USD as the JSON number that prints exactly those decimals (JavaScript prints the shortest decimal of a double,
 * which is the given one up to 15 digits). For showing only: never calculated with.
 */
export function usdNumber(nanos: bigint): number {
  return Number(nanosToDecimal(nanos))
}

/** Like `usdNumber`, keeping null. */
export function usdNumberOrNull(nanos: bigint | null): number | null {
  return nanos === null ? null : usdNumber(nanos)
}

/** Largest amount that is taken at once: sums of it stay far within a database's 64 bits of nano-USD. */
const MAX_NANOS = 1_000_000_000n * 1_000_000_000n

/** A USD amount from JSON (number or decimal string) in nano-USD. Throws GatewayError `invalid_request` that names the field. */
export function readUsd(value: unknown, field: string): bigint {
  if (typeof value !== 'number' && typeof value !== 'string')
    throw new GatewayError('invalid_request', `"${field}" must be an amount in USD, e.g. 20 or "0.50".`)
  let nanos: bigint
  try {
    nanos = usdToNanos(value)
  } catch (error) {
    throw new GatewayError('invalid_request', `"${field}": ${(error as Error).message}.`)
  }
  if (nanos > MAX_NANOS || nanos < -MAX_NANOS)
    throw new GatewayError(
      'invalid_request',
      `"${field}" is more than the $1,000,000,000 that are taken here.`,
    )
  return nanos
}
