import type { FinishReason } from '../../chat/index.ts'

/** Stop reasons of Converse. Source: API reference, Converse, `stopReason`. */
const REASONS: Readonly<Record<string, FinishReason>> = {
  end_turn: 'stop',
  stop_sequence: 'stop',
  max_tokens: 'length',
  model_context_window_exceeded: 'length',
  tool_use: 'tool_calls',
  guardrail_intervened: 'content_filter',
  content_filtered: 'content_filter',
  malformed_model_output: 'error',
  malformed_tool_use: 'error',
}

/** OpenRouter's normalised reason; an unknown spelling counts as `stop` (the raw one stays in `native`). */
export function finishReason(native: string): FinishReason {
  return REASONS[native] ?? 'stop'
}
