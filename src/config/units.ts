const DURATION = /^(\d+(?:\.\d+)?)(ms|s|m|h|d)$/
const MS = { ms: 1, s: 1_000, m: 60_000, h: 3_600_000, d: 86_400_000 } as const
const SIZE = /^(\d+(?:\.\d+)?)\s?(b|kb|kib|mb|mib|gb|gib)$/i
const BYTES = { b: 1, kb: 1e3, kib: 2 ** 10, mb: 1e6, mib: 2 ** 20, gb: 1e9, gib: 2 ** 30 } as const

/** Milliseconds of `500ms`, `5s`, `30m`, `2h`, `1d`; null when the text is no duration. */
export function parseDuration(text: string): number | null {
  const match = DURATION.exec(text.trim())
  return match === null ? null : Math.round(Number(match[1]) * MS[match[2] as keyof typeof MS])
}

/** Bytes of `512kb`, `32MiB`, `1gb` (decimal and binary units are told apart); null when the text is no size. */
export function parseSize(text: string): number | null {
  const match = SIZE.exec(text.trim())
  return match === null
    ? null
    : Math.round(Number(match[1]) * BYTES[match[2]!.toLowerCase() as keyof typeof BYTES])
}

const DECIMAL = /^(\d{1,15})(?:\.(\d{1,30}))?(?:e([+-]?\d{1,2}))?$/i

/**
 * The exact integer `value × 10^scale` of a decimal (`"0.10"`, `2.5`, `1e-6`): no floating point in between.
 * Returns null when it is no non-negative decimal, `'finer'` when digits would be lost.
 */
export function parseDecimal(value: string | number, scale: number): bigint | 'finer' | null {
  const match = DECIMAL.exec(String(value).trim())
  if (match === null) return null
  const fraction = match[2] ?? ''
  const shift = scale + Number(match[3] ?? 0) - fraction.length
  const digits = BigInt(match[1]! + fraction)
  if (shift >= 0) return shift > 60 ? null : digits * 10n ** BigInt(shift)
  const divisor = 10n ** BigInt(-shift)
  return digits % divisor === 0n ? digits / divisor : 'finer'
}
