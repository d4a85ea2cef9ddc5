import type { FinishReason } from '../../chat/index.ts'

/** Id of this wire format. */
export const DIALECT = 'cohere'

/** Marks reasoning that came as `tool_plan`, the plan said before tools are called, so that it goes back as one. */
export const PLAN = 'tool_plan'

/** Finish reasons of Cohere. Source: API reference, Chat v2, and recorded traffic. */
const REASONS: Readonly<Record<string, FinishReason>> = {
  COMPLETE: 'stop',
  STOP_SEQUENCE: 'stop',
  MAX_TOKENS: 'length',
  ERROR_LIMIT: 'length',
  TOOL_CALL: 'tool_calls',
  ERROR_TOXIC: 'content_filter',
  ERROR: 'error',
  TIMEOUT: 'error',
  USER_CANCEL: 'error',
}

/** OpenRouter's normalised reason; an unknown spelling counts as `stop` (the raw one stays in `native`). */
export function finishReason(native: string): FinishReason {
  return REASONS[native] ?? 'stop'
}
