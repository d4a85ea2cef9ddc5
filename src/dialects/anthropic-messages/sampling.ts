import type { ChatParameters } from '../../chat/index.ts'
import { type Json, object } from '../json.ts'
import type { Drops } from './drops.ts'
import type { Traits } from './models.ts'

/** Adds temperature, top_p and top_k as far as the model takes them beside reasoning. */
export function addSampling(
  body: Json,
  { temperature, topP, topK, stop }: ChatParameters,
  traits: Traits,
  takes: (parameter: string) => boolean,
  drops: Drops,
): void {
  const sampling: Json = {}
  if (temperature !== undefined) sampling['temperature'] = temperature
  if (topP !== undefined) sampling['top_p'] = topP
  if (topK !== undefined) sampling['top_k'] = topK
  for (const parameter of Object.keys(sampling)) {
    if (takes(parameter)) continue
    delete sampling[parameter]
    drops.add(parameter, 'the endpoint does not take it')
  }
  Object.assign(body, sampling)
  limitSampling(body, traits, drops)
  const stops = (stop ?? []).filter((sequence) => sequence.trim() !== '')
  if (stops.length > 0) body['stop_sequences'] = stops
  if (stops.length < (stop?.length ?? 0))
    drops.add('stop', 'the Messages API takes no sequences of white space')
}

/** Takes out of a body what its model refuses; the bounds are those of Anthropic's reference. */
export function limitSampling(body: Json, traits: Traits, drops: Drops): void {
  const drop = (parameter: string, reason: string) => {
    if (body[parameter] === undefined) return
    delete body[parameter]
    drops.add(parameter, reason)
  }
  const { temperature, top_p: topP } = body
  if (typeof temperature === 'number' && temperature > 1) {
    body['temperature'] = 1
    drops.add('temperature', 'the Messages API knows temperatures up to 1 only')
  }
  const type = object(body['thinking'])?.['type']
  if (!traits.sampling) {
    for (const parameter of ['temperature', 'top_p', 'top_k'])
      drop(parameter, 'the model takes no sampling parameters')
  } else if (type === 'enabled' || type === 'adaptive') {
    if (body['temperature'] !== 1) drop('temperature', 'the model does not take it while it reasons')
    if (typeof topP === 'number' && topP < 0.95) drop('top_p', 'the model does not take it while it reasons')
    drop('top_k', 'the model does not take it while it reasons')
  }
  if (!traits.bothSamplings && body['temperature'] !== undefined) {
    drop('top_p', 'the model takes either temperature or top_p')
  }
}
