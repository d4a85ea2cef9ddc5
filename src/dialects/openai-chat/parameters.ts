import type { Json } from '../json.ts'
import { isObject } from '../json.ts'

/**
 * Body fields behind each OpenRouter parameter name that `supported_parameters` of an endpoint may list. Fields that are
 * not here are unknown to routing and pass through.
 */
export const PARAMETERS: Readonly<Record<string, readonly string[]>> = {
  temperature: ['temperature'],
  top_p: ['top_p'],
  top_k: ['top_k'],
  top_a: ['top_a'],
  min_p: ['min_p'],
  frequency_penalty: ['frequency_penalty'],
  presence_penalty: ['presence_penalty'],
  repetition_penalty: ['repetition_penalty'],
  logit_bias: ['logit_bias'],
  logprobs: ['logprobs'],
  top_logprobs: ['top_logprobs'],
  seed: ['seed'],
  stop: ['stop'],
  prediction: ['prediction'],
  verbosity: ['verbosity'],
  web_search_options: ['web_search_options'],
  max_tokens: ['max_tokens', 'max_completion_tokens'],
  reasoning: ['reasoning', 'reasoning_effort', 'include_reasoning'],
  tools: ['tools'],
  tool_choice: ['tool_choice'],
  parallel_tool_calls: ['parallel_tool_calls'],
  response_format: ['response_format'],
}

/** Names under which the lists of endpoints may carry a parameter too. */
const ALSO: Readonly<Record<string, readonly string[]>> = {
  max_tokens: ['max_completion_tokens'],
  reasoning: ['reasoning_effort', 'include_reasoning'],
  // Lists name it rarely; whoever takes tools takes the switch.
  parallel_tool_calls: ['tools'],
  response_format: ['structured_outputs'],
}

/** Does a list of supported parameters cover this one? */
export function supports(supported: readonly string[], parameter: string): boolean {
  return supported.includes(parameter) || (ALSO[parameter] ?? []).some((name) => supported.includes(name))
}

/** Parameters that the body really uses: null, an empty list of tools and `{type: "text"}` use nothing. */
export function parametersInUse(body: Json): string[] {
  const used: string[] = []
  for (const name in PARAMETERS) {
    if (PARAMETERS[name]!.some((field) => isUsed(field, body[field]))) used.push(name)
  }
  if (isObject(body['response_format']) && body['response_format']['type'] === 'json_schema') {
    used.push('structured_outputs')
  }
  return used
}

function isUsed(field: string, value: unknown): boolean {
  if (value === undefined || value === null) return false
  if (field === 'tools') return Array.isArray(value) && value.length > 0
  if (field === 'response_format') return !(isObject(value) && value['type'] === 'text')
  if (field === 'logprobs') return value !== false
  return true
}
