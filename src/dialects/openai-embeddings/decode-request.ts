import { type ChatMessage, type ChatRequest, GatewayError } from '../../chat/index.ts'
import type { RequestTarget } from '../dialect.ts'
import { isObject } from '../json.ts'
import { optional, refuse } from '../openai-chat/check.ts'
import { decodeModels, extrasOf } from '../openai-chat/decode-request.ts'
import { emptyMeasure } from '../openai-chat/measure.ts'
import { decodePreferences } from '../openai-chat/preferences.ts'
import { checkInputs, inputsOf, messageOf } from './input.ts'
import { DIALECT } from './wire.ts'

const LIMITS = { dimensions: 65_536, inputType: 64, user: 512 } as const

/**
 * Checks a body of `POST /embeddings`: each input is one message of the request. Nothing is generated, so there is no
 * output to limit, and nothing to stream. Throws GatewayError `invalid_request` with a sentence, the place in
 * `metadata.param`. Source of fields: OpenRouter's OpenAPI (2026-08).
 */
export function decodeRequest(body: unknown, _target: RequestTarget): ChatRequest {
  if (!isObject(body)) throw new GatewayError('invalid_request', 'The body must be a JSON object.')
  const measure = emptyMeasure()
  const { longest } = checkInputs(body, measure)
  if (optional.boolean(body, 'stream') === true)
    refuse('stream', 'Embeddings come whole and cannot be streamed: leave out `stream`.')
  const models = decodeModels(body)
  if (models.length > 1)
    refuse('models', 'Vectors of different models cannot be compared, so only one model may be named.')
  const dimensions = optional.integer(body, 'dimensions', 1, LIMITS.dimensions)
  const inputType = optional.string(body, 'input_type', LIMITS.inputType)
  optional.oneOf(body, 'encoding_format', ['float', 'base64'])
  let messages: readonly ChatMessage[] | undefined
  return {
    dialect: DIALECT,
    wire: body,
    models,
    stream: false,
    parameters: [],
    inputModalities: [...measure.modalities],
    outputModalities: ['embeddings'],
    maxOutputTokens: 0,
    choices: 1,
    promptBytes: measure.bytes,
    longestInputBytes: longest,
    mediaParts: measure.media,
    provider: decodePreferences(body),
    reasoning: null,
    sessionId: null,
    user: optional.string(body, 'user', LIMITS.user) ?? null,
    extras: extrasOf(body, []),
    parameterValues: () => ({
      extra: {
        ...(dimensions !== undefined && { dimensions }),
        ...(inputType !== undefined && { input_type: inputType }),
      },
    }),
    messages: () => (messages ??= inputsOf(body).map(messageOf)),
    tools: () => [],
  }
}
