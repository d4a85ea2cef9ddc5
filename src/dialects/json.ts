/** A JSON object of unknown content, as it came off a wire. */
export type Json = { [key: string]: unknown }

export function isObject(value: unknown): value is Json {
  return typeof value === 'object' && value !== null && !Array.isArray(value)
}

/** The object, or null for anything else. */
export function object(value: unknown): Json | null {
  return isObject(value) ? value : null
}

/** The array, or an empty one for anything else. */
export function list(value: unknown): readonly unknown[] {
  return Array.isArray(value) ? value : []
}

/** A non-empty string, or null for anything else. */
export function text(value: unknown): string | null {
  return typeof value === 'string' && value !== '' ? value : null
}

/** A finite number that is a whole count (>= 0), or null. */
export function count(value: unknown): number | null {
  return typeof value === 'number' && Number.isSafeInteger(value) && value >= 0 ? value : null
}

/** Parses JSON; undefined when it is none (JSON itself has no undefined). */
export function parseJson(source: string): unknown {
  try {
    return JSON.parse(source)
  } catch {
    return undefined
  }
}

/** A copy without the named keys. */
export function without(source: Json, keys: ReadonlySet<string>): Json {
  const copy: Json = {}
  for (const key in source) if (!keys.has(key)) copy[key] = source[key]
  return copy
}

/** The members that are set (neither absent nor null) and not among the known ones. */
export function othersOf(source: Json | null, known: ReadonlySet<string>): Json {
  const others: Json = {}
  for (const key in source) {
    if (!known.has(key) && source[key] !== undefined && source[key] !== null) others[key] = source[key]
  }
  return others
}

/**
 * Nano-units as a JSON number with exact decimal digits: 65000n → `0.000065`. A float would round at sixteen digits and
 * print `6.5e-5`. The value is a raw JSON literal: it survives `JSON.stringify` unchanged.
 */
export function decimalLiteral(nanos: bigint): unknown {
  return rawJson(decimal(nanos))
}

/** Nano-units as plain decimal text without trailing zeros, e.g. `-1.5`, `0.000065`, `0`. */
export function decimal(nanos: bigint): string {
  const negative = nanos < 0n
  const digits = (negative ? -nanos : nanos).toString().padStart(10, '0')
  const fraction = digits.slice(-9).replace(/0+$/, '')
  const whole = digits.slice(0, -9)
  return `${negative ? '-' : ''}${whole}${fraction === '' ? '' : `.${fraction}`}`
}

/** `JSON.rawJSON` is in every supported Node but not yet in TypeScript's library. */
const rawJson = (JSON as unknown as { rawJSON(literal: string): unknown }).rawJSON
