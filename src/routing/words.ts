/** The first of `wanted` that `offered` lacks, or null. */
export function firstMissing(wanted: readonly string[], offered: readonly string[]): string | null {
  for (const name of wanted) if (!offered.includes(name)) return name
  return null
}

/** A count with thousands separated by commas, without Intl, which would cost more than the plan. */
export function figure(value: number): string {
  const digits = String(Math.round(value))
  if (digits.length < 4) return digits
  let out = digits.slice(0, digits.length % 3)
  for (let i = digits.length % 3; i < digits.length; i += 3) {
    out += (out === '' ? '' : ',') + digits.slice(i, i + 3)
  }
  return out
}

/** Pico-USD per token as dollars per million tokens, e.g. `$0.15/M`. 1 $/M is 10^6 pUSD per token. */
export function perMillion(pico: bigint): string {
  const whole = pico / 1_000_000n
  const fraction = String(pico % 1_000_000n)
    .padStart(6, '0')
    .replace(/0{1,4}$/, '')
  return `$${whole}.${fraction}/M`
}
