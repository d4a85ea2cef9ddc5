import { type Percentiles, type ProviderPreferences, RESCUE_POLICIES } from '../../chat/index.ts'
import { isObject, type Json } from '../json.ts'
import { optional, refuse, scaled } from './check.ts'

const QUANTIZATIONS = [
  'int4',
  'int8',
  'fp4',
  'mxfp4',
  'nvfp4',
  'fp6',
  'fp8',
  'mxfp8',
  'fp16',
  'bf16',
  'fp32',
  'unknown',
] as const
const SORTS = ['price', 'throughput', 'latency', 'exacto'] as const
const MAX_NAMES = 128

/** `provider` of the body, checked. Unknown keys are left alone: new ones appear without notice. */
export function decodePreferences(body: Json): ProviderPreferences {
  const wire = optional.object(body, 'provider')
  if (wire === undefined) return {}
  const param = (key: string) => `provider.${key}`
  const names = (key: string) => optional.strings(wire, key, MAX_NAMES, param(key))
  const flag = (key: string) => optional.boolean(wire, key, param(key))
  const quantizations = names('quantizations')
  if (quantizations?.some((name) => !(QUANTIZATIONS as readonly string[]).includes(name))) {
    refuse('provider.quantizations', `\`provider.quantizations\` may hold ${QUANTIZATIONS.join(', ')}.`)
  }
  return present({
    order: names('order'),
    only: names('only'),
    ignore: names('ignore'),
    allowFallbacks: flag('allow_fallbacks'),
    requireParameters: flag('require_parameters'),
    dataCollection: optional.oneOf(wire, 'data_collection', ['allow', 'deny'], 'provider.data_collection'),
    zdr: flag('zdr'),
    enforceDistillableText: flag('enforce_distillable_text'),
    quantizations,
    sort: decodeSort(wire, body['route'] === 'sort' ? 'none' : 'model'),
    maxPrice: decodeMaxPrice(wire),
    preferredMinThroughput: decodePercentiles(wire, 'preferred_min_throughput'),
    preferredMaxLatency: decodePercentiles(wire, 'preferred_max_latency'),
    rescue: optional.oneOf(wire, 'rescue', RESCUE_POLICIES, 'provider.rescue'),
  })
}

/** `usual`: how endpoints are sorted unless `partition` says; the older field `route` did (`sort`: over all models). */
function decodeSort(wire: Json, usual: 'model' | 'none'): ProviderPreferences['sort'] {
  if (typeof wire['sort'] === 'string') {
    const by = optional.oneOf(wire, 'sort', SORTS, 'provider.sort')
    return by === undefined ? undefined : { by, partition: usual }
  }
  const sort = optional.object(wire, 'sort', 'provider.sort')
  const by = sort && optional.oneOf(sort, 'by', SORTS, 'provider.sort.by')
  const partition = sort && optional.oneOf(sort, 'partition', ['model', 'none'], 'provider.sort.partition')
  return by === undefined ? undefined : { by, partition: partition ?? usual }
}

/** USD per million tokens → pico-USD per token (10^12 / 10^6); USD per request or image → pico-USD. */
const PRICE_SCALES = { prompt: 6, completion: 6, audio: 6, request: 12, image: 12 } as const

function decodeMaxPrice(wire: Json): ProviderPreferences['maxPrice'] {
  const prices = optional.object(wire, 'max_price', 'provider.max_price')
  if (prices === undefined) return undefined
  const limits: { -readonly [K in keyof typeof PRICE_SCALES]?: bigint } = {}
  for (const [key, scale] of Object.entries(PRICE_SCALES)) {
    const price = prices[key]
    if (price === undefined || price === null) continue
    limits[key as keyof typeof PRICE_SCALES] = scaled(price, scale, `provider.max_price.${key}`)
  }
  return limits
}

function decodePercentiles(wire: Json, key: string): Percentiles | undefined {
  const value = wire[key]
  const param = `provider.${key}`
  if (typeof value === 'number') return { p50: positive({ value }, 'value', param)! }
  if (value === undefined || value === null) return undefined
  if (!isObject(value))
    return refuse(param, `\`${param}\` must be a number or an object with p50, p75, p90, p99.`)
  const at = (name: string) => positive(value, name, `${param}.${name}`)
  return present({ p50: at('p50'), p75: at('p75'), p90: at('p90'), p99: at('p99') })
}

function positive(source: Json, key: string, param: string): number | undefined {
  const value = optional.number(source, key, param)
  return value === undefined || value > 0 ? value : refuse(param, `\`${param}\` must be greater than zero.`)
}

/** The object without its undefined members. */
function present<T extends object>(source: T): { [K in keyof T]: Exclude<T[K], undefined> } {
  return Object.fromEntries(Object.entries(source).filter(([, value]) => value !== undefined)) as {
    [K in keyof T]: Exclude<T[K], undefined>
  }
}
