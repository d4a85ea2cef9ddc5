import { ERRORS, type ErrorCode, type GatewayError, type UpstreamError } from '../../chat/index.ts'
import { type Json, object, text } from '../json.ts'
import {
  decodeErrorObject as decodePlainError,
  encodeError as encodeChatError,
} from '../openai-chat/errors.ts'

/** HTTP statuses that the codes of a failed response stand for. Source: OpenAI's Responses reference, error object. */
const STATUS_OF: Readonly<Record<string, number>> = {
  rate_limit_exceeded: 429,
  insufficient_quota: 429,
  server_error: 500,
  invalid_prompt: 400,
  context_length_exceeded: 400,
  content_filter: 400,
  bio_policy: 400,
  image_content_policy_violation: 400,
  invalid_image: 400,
  invalid_image_format: 400,
  invalid_base64_image: 400,
  invalid_image_url: 400,
  image_too_large: 400,
  image_too_small: 400,
  image_parse_error: 400,
  failed_to_download_image: 400,
}

/** The error of an `error` event or of a failed response. */
export function decodeErrorObject(error: unknown): UpstreamError {
  const inner = object(error)
  const status = STATUS_OF[text(inner?.['code']) ?? '']
  return decodePlainError(inner === null || status === undefined ? error : { ...inner, status_code: status })
}

/** The HTTP error: OpenRouter's envelope with the error's type beside it, as this surface has it. */
export function encodeError(error: GatewayError, id: string | null): { status: number; body: Json } {
  const { status, body } = encodeChatError(error, id)
  return { status, body: { ...body, error_type: ERRORS[error.code].type } }
}

/** Errors that this format tells as an answer that ended for want of room. Source: OpenRouter's error documentation. */
const FULL: ReadonlySet<ErrorCode> = new Set(['context_length_exceeded', 'max_tokens_exceeded'])
export const isFull = (code: ErrorCode): boolean => FULL.has(code)

/** The code of a failed response: one of a short list that official clients know. */
export function responseCode(code: ErrorCode): string {
  switch (code) {
    case 'rate_limit_exceeded':
      return 'rate_limit_exceeded'
    case 'content_policy_violation':
    case 'moderation':
      return 'image_content_policy_violation'
    default:
      return ERRORS[code].status < 500 ? 'invalid_prompt' : 'server_error'
  }
}
