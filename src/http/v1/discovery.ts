import type { Model } from '../../catalog/index.ts'
import { GatewayError } from '../../chat/index.ts'

const ANTHROPIC_PAGE = { usual: 20, most: 1000 }
const GOOGLE_PAGE = { usual: 50, most: 1000 }

/**
 * The list of models in the shape of Anthropic's `GET /v1/models`: what Claude Code and Anthropic's SDKs read. Pages by
 * `limit`, `after_id` and `before_id`.
 * @throws GatewayError `invalid_request` for a wrong page
 */
export function anthropicModels(models: readonly Model[], query: URLSearchParams): Record<string, unknown> {
  const limit = pageSize(query.get('limit'), 'limit', ANTHROPIC_PAGE)
  const after = position(models, query.get('after_id'))
  const before = position(models, query.get('before_id'))
  const from = after !== null ? after + 1 : before !== null ? Math.max(0, before - limit) : 0
  const end = before !== null && after === null ? before : Math.min(models.length, from + limit)
  const page = models.slice(from, end)
  return {
    data: page.map(anthropicModel),
    first_id: page[0]?.id ?? null,
    last_id: page.at(-1)?.id ?? null,
    has_more: end < models.length,
  }
}

/** One model as Anthropic's clients read it, in the list and by its id. */
export function anthropicModel(model: Model): Record<string, unknown> {
  return {
    type: 'model',
    id: model.id,
    display_name: model.name,
    created_at: new Date(model.created * 1000).toISOString(),
    max_input_tokens: model.contextLength > 0 ? model.contextLength : null,
    max_tokens: model.maxOutput,
  }
}

/** One model as Google's clients read it, in the list and by its name. */
export function googleModel(model: Model): Record<string, unknown> {
  return {
    name: `models/${model.id}`,
    baseModelId: model.id,
    version: '1',
    displayName: model.name,
    description: model.description,
    inputTokenLimit: model.contextLength,
    ...(model.maxOutput !== null && { outputTokenLimit: model.maxOutput }),
    supportedGenerationMethods: ['generateContent', 'countTokens'],
    thinking: model.reasoning,
  }
}

/**
 * The list of models in the shape of Google's `GET /v1beta/models`: what Gemini CLI and @google/genai read. Pages by
 * `pageSize` and `pageToken`.
 * @throws GatewayError `invalid_request` for a wrong page
 */
export function googleModels(models: readonly Model[], query: URLSearchParams): Record<string, unknown> {
  const size = pageSize(query.get('pageSize'), 'pageSize', GOOGLE_PAGE)
  const token = query.get('pageToken')
  const from = token === null ? 0 : Number(token)
  if (!Number.isInteger(from) || from < 0 || from > models.length)
    throw new GatewayError('invalid_request', '"pageToken" is not one that this list gave.')
  const more = from + size < models.length
  return {
    models: models.slice(from, from + size).map(googleModel),
    ...(more && { nextPageToken: String(from + size) }),
  }
}

function pageSize(
  text: string | null,
  name: string,
  { usual, most }: { usual: number; most: number },
): number {
  if (text === null) return usual
  const size = Number(text)
  if (!Number.isInteger(size) || size < 1 || size > most)
    throw new GatewayError('invalid_request', `"${name}" must be a whole number from 1 to ${most}.`)
  return size
}

function position(models: readonly Model[], id: string | null): number | null {
  if (id === null) return null
  const at = models.findIndex((model) => model.id === id)
  if (at === -1)
    throw new GatewayError('invalid_request', `There is no model "${id.slice(0, 100)}" to page from.`)
  return at
}
