import { isObject, type Json, list } from '../json.ts'
import type { Drops } from './drops.ts'

/** Cache breakpoints in one request, the automatic one included. Source: Anthropic's page on prompt caching. */
const MAX_MARKERS = 4

/**
 * Leaves at most four cache markers in a body that is ours to change at its top level: the last ones in the order of the
 * prompt (tools, system, messages), since each covers all before it.
 */
export function limitMarkers(body: Json, drops: Drops): void {
  const room = MAX_MARKERS - (body['cache_control'] === undefined ? 0 : 1)
  const fields = ['tools', 'system', 'messages'] as const
  let surplus = fields.reduce((sum, field) => sum + countMarkers(body[field]), 0) - room
  if (surplus <= 0) return
  for (const field of fields) {
    if (!Array.isArray(body[field])) continue
    const take = (block: unknown): unknown => {
      if (!isObject(block) || surplus <= 0) return block
      if (Array.isArray(block['content']) && block['cache_control'] === undefined) {
        return { ...block, content: block['content'].map(take) }
      }
      if (!isMarked(block)) return block
      surplus--
      const { cache_control: _marker, ...rest } = block
      return rest
    }
    body[field] = body[field].map(take)
  }
  drops.add('cache_control', `at most ${MAX_MARKERS} cache breakpoints are taken; the last ones are kept`)
}

/** Takes the time to live off the markers, for models that keep a cache for five minutes only. */
export function withoutTtl(body: Json, drops: Drops): void {
  let found = false
  const plain = (block: unknown): unknown => {
    if (!isObject(block)) return block
    const marker = block['cache_control']
    const content = Array.isArray(block['content']) ? { content: block['content'].map(plain) } : {}
    if (!isObject(marker) || marker['ttl'] === undefined) return { ...block, ...content }
    const { ttl, ...rest } = marker
    found ||= ttl !== '5m'
    return { ...block, ...content, cache_control: rest }
  }
  for (const field of ['tools', 'system', 'messages'] as const) {
    if (Array.isArray(body[field])) body[field] = body[field].map(plain)
  }
  if (found) drops.add('cache_control', 'the model keeps its cache for five minutes only')
}

const isMarked = (block: unknown): boolean =>
  isObject(block) && block['cache_control'] !== undefined && block['cache_control'] !== null

function countMarkers(blocks: unknown): number {
  let found = 0
  for (const block of list(blocks)) {
    if (isMarked(block)) found++
    else if (isObject(block)) found += countMarkers(block['content'])
  }
  return found
}
