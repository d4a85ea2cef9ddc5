import type { FinishReason } from '../../chat/index.ts'

/** Stop reasons of the Messages API. Source: Anthropic's page on stop reasons. */
const REASONS: Readonly<Record<string, FinishReason>> = {
  end_turn: 'stop',
  stop_sequence: 'stop',
  // The provider paused a long turn of its own tools, or to compact it: the answer is not whole. Clients of other formats
  // treat `length` so, and the turn goes on when the answer is sent back.
  pause_turn: 'length',
  compaction: 'length',
  max_tokens: 'length',
  model_context_window_exceeded: 'length',
  tool_use: 'tool_calls',
  refusal: 'content_filter',
}

/** OpenRouter's normalised reason; an unknown spelling counts as `stop` (the raw one stays in `native`). */
export function finishReason(native: string): FinishReason {
  return REASONS[native] ?? 'stop'
}

/**
 * `stop_reason` for a client: the provider's own when it is of this API, else the nearest. A stop sequence that was met
 * has a reason of its own here.
 */
export function stopReason(reason: FinishReason, native: string | null, stopSequence?: string): string {
  if (native !== null && REASONS[native] === reason) return native
  switch (reason) {
    case 'stop':
      return stopSequence === undefined ? 'end_turn' : 'stop_sequence'
    case 'length':
      return 'max_tokens'
    case 'tool_calls':
      return 'tool_use'
    case 'content_filter':
      return 'refusal'
    case 'error':
      return 'end_turn'
    default:
      return reason satisfies never
  }
}
