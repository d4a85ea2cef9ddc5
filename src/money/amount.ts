/** An amount of money: integer nano-USD (10^-9 USD). */
export type Nanos = bigint & { readonly __unit?: 'nano-USD' }

/** A price: integer pico-USD (10^-12 USD) per unit. 1 pUSD per token is $0.000001 per million tokens. */
export type Picos = bigint & { readonly __unit?: 'pico-USD' }

const NANO_DECIMALS = 9
const PICO_DECIMALS_PER_MILLION = 6
const DECIMAL = /^([+-]?)(\d{1,30})(?:\.(\d{1,60}))?$/
const JS_NUMBER = /^([+-]?)(\d)(?:\.(\d+))?e([+-]\d+)$/

/**
 * USD to nano-USD, exactly. Takes a decimal string (`"12.5"`, `"-0.000000001"`) or a finite number, read as the
 * shortest decimal that JavaScript prints for it.
 * @throws {RangeError} when the text is no decimal number or is finer than one nano-USD.
 */
export function usdToNanos(usd: string | number): Nanos {
  return toInteger(usd, NANO_DECIMALS, 'USD amount', 'one nano-dollar (9 decimals)')
}

/**
 * A list price in USD per million tokens to integer pico-USD per token: `"0.0375"` is 37500n.
 * @throws {RangeError} when it is no decimal number, negative, or finer than 0.000001 USD per million.
 */
export function usdPerMillionToPico(usd: string | number): Picos {
  const picos = toInteger(usd, PICO_DECIMALS_PER_MILLION, 'price', '0.000001 USD per million tokens')
  if (picos < 0n) throw new RangeError(`price "${usd}" is negative`)
  return picos
}

/** Nano-USD as an exact decimal string of USD: `"0.000065"`, `"-3"`, `"0"`. No exponent, no trailing zeros. */
export function nanosToDecimal(nanos: bigint): string {
  return decimal(nanos, NANO_DECIMALS, 0)
}

/** Nano-USD for people: `$1.25`, `-$0.50`, `$0.000065` (never rounded; at least two decimals). */
export function formatUsd(nanos: bigint): string {
  return nanos < 0n ? `-$${decimal(-nanos, NANO_DECIMALS, 2)}` : `$${decimal(nanos, NANO_DECIMALS, 2)}`
}

/** Pico-USD per token as USD per token, an exact decimal string as OpenRouter's `pricing` has it: `"0.00000015"`. */
export function picoToDecimal(picos: bigint): string {
  return decimal(picos, 12, 0)
}

/** Pico-USD per token as USD per million tokens, an exact decimal string: `"0.0375"`. */
export function picoToUsdPerMillion(picos: bigint): string {
  return decimal(picos, PICO_DECIMALS_PER_MILLION, 0)
}

function decimal(value: bigint, decimals: number, atLeast: number): string {
  const digits = (value < 0n ? -value : value).toString().padStart(decimals + 1, '0')
  let end = digits.length
  while (end > digits.length - decimals + atLeast && digits[end - 1] === '0') end--
  const whole = digits.slice(0, digits.length - decimals)
  const fraction = digits.slice(digits.length - decimals, end)
  return `${value < 0n ? '-' : ''}${whole}${fraction === '' ? '' : `.${fraction}`}`
}

function toInteger(value: string | number, decimals: number, what: string, finest: string): bigint {
  const text = typeof value === 'number' ? plain(value) : value.trim()
  const match = DECIMAL.exec(text)
  if (match === null) throw new RangeError(`${what} "${value}" is not a decimal number`)
  const [, sign, whole = '', fraction = ''] = match
  const kept = fraction.slice(0, decimals).padEnd(decimals, '0')
  if (/[1-9]/.test(fraction.slice(decimals))) {
    throw new RangeError(`${what} "${value}" is finer than ${finest}`)
  }
  const magnitude = BigInt(whole + kept)
  return sign === '-' ? -magnitude : magnitude
}

/** JavaScript prints small and huge numbers with an exponent (`1e-7`); write them out. */
function plain(value: number): string {
  const text = String(value)
  const match = JS_NUMBER.exec(text)
  if (match === null) return text
  const [, sign = '', lead = '', rest = '', exponent = '0'] = match
  const digits = lead + rest
  const point = 1 + Number(exponent)
  if (point <= 0) return `${sign}0.${'0'.repeat(-point)}${digits}`
  return `${sign}${digits.slice(0, point).padEnd(point, '0')}.${digits.slice(point) || '0'}`
}
