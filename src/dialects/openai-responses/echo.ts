import type { ReplyMeta } from '../dialect.ts'
import { type Json, list, object } from '../json.ts'
import { DIALECT, type Status, type WireResponse } from './wire.ts'

/**
 * The response object around an output: facts of the answer that are ours, and the request repeated as official clients
 * require it (OpenRouter's schema of the result). Without a request of this dialect the repeated members are neutral.
 */
export function responseObject(meta: ReplyMeta, status: Status, serviceTier: string | null): WireResponse {
  const wire: Json = meta.request?.dialect === DIALECT ? meta.request.wire : {}
  const or = (field: string, otherwise: unknown): unknown => wire[field] ?? otherwise
  const reasoning = object(wire['reasoning']) ?? {}
  return {
    id: meta.id,
    object: 'response',
    created_at: meta.created,
    // A pure function has no clock; the key has to be there.
    completed_at: null,
    model: meta.model,
    provider: meta.provider,
    status,
    output: [],
    error: null,
    incomplete_details: null,
    instructions: or('instructions', null),
    metadata: or('metadata', {}),
    tools: list(wire['tools']),
    tool_choice: or('tool_choice', 'auto'),
    parallel_tool_calls: or('parallel_tool_calls', true),
    temperature: or('temperature', null),
    top_p: or('top_p', null),
    presence_penalty: or('presence_penalty', null),
    frequency_penalty: or('frequency_penalty', null),
    top_logprobs: or('top_logprobs', 0),
    max_output_tokens: or('max_output_tokens', null),
    max_tool_calls: or('max_tool_calls', null),
    truncation: or('truncation', 'disabled'),
    text: { format: { type: 'text' }, ...object(wire['text']) },
    reasoning: { effort: reasoning['effort'] ?? null, summary: reasoning['summary'] ?? null },
    service_tier: serviceTier,
    prompt_cache_key: or('prompt_cache_key', null),
    safety_identifier: null,
    previous_response_id: null,
    background: false,
    store: false,
    usage: null,
  }
}
