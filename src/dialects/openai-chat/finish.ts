import type { FinishReason } from '../../chat/index.ts'

/** Spellings of OpenAI-compatible providers, lower-cased. Sources: the providers' API references and recorded traffic. */
const REASONS: Readonly<Record<string, FinishReason>> = {
  stop: 'stop',
  eos: 'stop',
  end_turn: 'stop',
  stop_sequence: 'stop',
  complete: 'stop',
  completed: 'stop',
  length: 'length',
  max_tokens: 'length',
  model_length: 'length', // Mistral: the context is full
  model_context_window_exceeded: 'length', // Z.AI, Anthropic hosts
  tool_calls: 'tool_calls',
  tool_use: 'tool_calls',
  tool_call: 'tool_calls',
  function_call: 'tool_calls',
  content_filter: 'content_filter',
  content_filtered: 'content_filter',
  safety: 'content_filter',
  sensitive: 'content_filter', // Z.AI
  refusal: 'content_filter',
  recitation: 'content_filter',
  error: 'error',
  network_error: 'error', // Z.AI
  insufficient_system_resource: 'error', // DeepSeek
}

/** OpenRouter's normalised reason; an unknown spelling counts as `stop` (the raw one stays in `native`). */
export function finishReason(native: string): FinishReason {
  return REASONS[native.toLowerCase()] ?? 'stop'
}
