import { NO_USAGE, type Usage } from '../../chat/index.ts'
import { count, type Json, list, object } from '../json.ts'

const figure = (value: unknown): number => count(value) ?? 0

/**
 * Tokens by kind. Converse counts cached tokens beside `inputTokens`; the hub's prompt holds them all. Writes that live an
 * hour stand under `cacheDetails`.
 */
export function decodeUsage(wire: Json): Usage {
  const read = figure(wire['cacheReadInputTokens'])
  let oneHour = 0
  for (const detail of list(wire['cacheDetails'])) {
    const { ttl, inputTokens } = object(detail) ?? {}
    if (ttl === '1h') oneHour += figure(inputTokens)
  }
  const written = Math.max(figure(wire['cacheWriteInputTokens']), oneHour)
  return {
    ...NO_USAGE,
    promptTokens: figure(wire['inputTokens']) + read + written,
    completionTokens: figure(wire['outputTokens']),
    cacheReadTokens: read,
    cacheWriteTokens: written - oneHour,
    cacheWrite1hTokens: oneHour,
  }
}
