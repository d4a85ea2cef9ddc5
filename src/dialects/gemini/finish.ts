import type { FinishReason } from '../../chat/index.ts'

/** Google's reasons. Source: the API's reference (`Candidate.FinishReason`, AI Studio and Vertex, 2026-08). */
const REASONS: Readonly<Record<string, FinishReason>> = {
  STOP: 'stop',
  FINISH_REASON_UNSPECIFIED: 'stop',
  MAX_TOKENS: 'length',
  SAFETY: 'content_filter',
  RECITATION: 'content_filter',
  LANGUAGE: 'content_filter',
  BLOCKLIST: 'content_filter',
  PROHIBITED_CONTENT: 'content_filter',
  SPII: 'content_filter',
  MODEL_ARMOR: 'content_filter',
  IMAGE_SAFETY: 'content_filter',
  IMAGE_PROHIBITED_CONTENT: 'content_filter',
  IMAGE_RECITATION: 'content_filter',
  MALFORMED_FUNCTION_CALL: 'error',
  MALFORMED_RESPONSE: 'error',
  UNEXPECTED_TOOL_CALL: 'error',
  TOO_MANY_TOOL_CALLS: 'error',
  MISSING_THOUGHT_SIGNATURE: 'error',
  NO_IMAGE: 'error',
  IMAGE_OTHER: 'error',
  OTHER: 'error',
}

/** The normalised reason; Google says STOP for calls too. Unknown spellings count as `stop`. */
export function finishReason(native: string, calls: boolean): FinishReason {
  const reason = REASONS[native] ?? 'stop'
  return reason === 'stop' && calls ? 'tool_calls' : reason
}

const NATIVE: Readonly<Record<FinishReason, string>> = {
  stop: 'STOP',
  tool_calls: 'STOP',
  length: 'MAX_TOKENS',
  content_filter: 'SAFETY',
  error: 'OTHER',
}

/** The reason in Google's words: its own where the provider said one, else the nearest. */
export function encodeFinish(reason: FinishReason, native: string | null): string {
  return native !== null && native in REASONS ? native : NATIVE[reason]
}
