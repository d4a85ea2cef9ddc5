import { GatewayError } from '../../chat/index.ts'
import { isObject, type Json } from '../json.ts'

/** A refusal of the request: `sentence` says what is wrong and what would be right; `param` names the place. */
export function refuse(param: string, sentence: string): never {
  throw new GatewayError('invalid_request', sentence, { metadata: { param } })
}

/** Readers of optional fields: undefined when absent or null (null means "not set"), an error when of the wrong kind. */
export const optional = {
  object(source: Json, key: string, param = key): Json | undefined {
    const value = source[key]
    if (value === undefined || value === null) return undefined
    return isObject(value) ? value : refuse(param, `\`${param}\` must be an object.`)
  },

  string(source: Json, key: string, max: number, param = key): string | undefined {
    const value = source[key]
    if (value === undefined || value === null) return undefined
    if (typeof value !== 'string') return refuse(param, `\`${param}\` must be a string.`)
    return value.length <= max ? value : refuse(param, `\`${param}\` is longer than ${max} characters.`)
  },

  boolean(source: Json, key: string, param = key): boolean | undefined {
    const value = source[key]
    if (value === undefined || value === null) return undefined
    return typeof value === 'boolean' ? value : refuse(param, `\`${param}\` must be true or false.`)
  },

  number(source: Json, key: string, param = key): number | undefined {
    const value = source[key]
    if (value === undefined || value === null) return undefined
    return typeof value === 'number' && Number.isFinite(value)
      ? value
      : refuse(param, `\`${param}\` must be a number.`)
  },

  integer(source: Json, key: string, min: number, max: number, param = key): number | undefined {
    const value = optional.number(source, key, param)
    if (value === undefined || (Number.isSafeInteger(value) && value >= min && value <= max)) return value
    const range = max === Number.MAX_SAFE_INTEGER ? `at least ${min}` : `between ${min} and ${max}`
    return refuse(param, `\`${param}\` must be a whole number, ${range}.`)
  },

  strings(source: Json, key: string, max: number, param = key): readonly string[] | undefined {
    const value = source[key]
    if (value === undefined || value === null) return undefined
    if (!Array.isArray(value) || !value.every((item) => typeof item === 'string' && item.length <= 512)) {
      return refuse(param, `\`${param}\` must be a list of strings.`)
    }
    return value.length <= max ? value : refuse(param, `\`${param}\` has more than ${max} entries.`)
  },

  oneOf<T extends string>(source: Json, key: string, allowed: readonly T[], param = key): T | undefined {
    const value = source[key]
    if (value === undefined || value === null) return undefined
    return allowed.includes(value as T)
      ? (value as T)
      : refuse(param, `\`${param}\` must be one of ${allowed.join(', ')}.`)
  },
}

/**
 * A decimal amount (number or text) times 10^`scale`, exactly, rounded down: prices are whole pico-USD, so nothing
 * between two of them can make a difference to a maximum.
 */
export function scaled(value: unknown, scale: number, param: string): bigint {
  const source = typeof value === 'number' ? String(value) : value
  const match =
    typeof source === 'string'
      ? /^(\d{1,18})(?:\.(\d{1,40}))?(?:e([+-]?\d{1,2}))?$/i.exec(source.trim())
      : null
  if (match === null) return refuse(param, `\`${param}\` must be an amount of USD, such as 2.5 or "2.5".`)
  const [, whole = '', fraction = '', exponent = '0'] = match
  const shift = scale + Number(exponent) - fraction.length
  const digits = BigInt(whole + fraction)
  return shift >= 0 ? digits * 10n ** BigInt(shift) : digits / 10n ** BigInt(-shift)
}
