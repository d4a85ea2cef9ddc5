import type { ChatParameters, ChatRequest } from '../../chat/index.ts'
import type { Json } from '../json.ts'
import type { Drops } from './drops.ts'
import { nearestEffort, type Traits } from './models.ts'
import { restrictSchema } from './schema.ts'
import type { Thinking } from './thinking.ts'

/**
 * `output_config`: effort (from verbosity, else from reasoning) and the schema of the answer. Models without schemas get
 * none: the way by a forced tool excludes reasoning and other tools, so it is left to those who choose it.
 */
export function addOutputConfig(
  body: Json,
  values: ChatParameters,
  thinking: Thinking,
  traits: Traits,
  drops: Drops,
): void {
  const config: Json = {}
  let effort = thinking.effort
  if (values.verbosity !== undefined) {
    if (traits.efforts.length > 0) effort = nearestEffort(values.verbosity, traits.efforts)
    else drops.add('verbosity', 'the model knows no levels of effort')
  }
  // Without reasoning only efforts up to `high` are taken.
  const capped = thinking.thinking?.['type'] === 'disabled' && (effort === 'xhigh' || effort === 'max')
  if (effort !== undefined) config['effort'] = capped ? 'high' : effort
  const format = values.responseFormat
  if (format?.kind === 'json') {
    drops.add(
      'response_format',
      'the Messages API has no JSON mode without a schema; the prompt has to ask for JSON',
    )
  } else if (format !== undefined && traits.schemas) {
    config['format'] = { type: 'json_schema', schema: restrictSchema(format.schema) }
  } else if (format !== undefined) {
    drops.add('structured_outputs', 'the model does not hold its answer to a schema')
  }
  if (Object.keys(config).length > 0) body['output_config'] = config
}

/** `tool_choice`, with the switch for parallel calls; nothing without tools. */
export function addToolChoice(
  body: Json,
  { toolChoice, parallelToolCalls }: ChatParameters,
  traits: Traits,
  tools: number,
  drops: Drops,
): void {
  if (tools === 0) return
  let choice: Json | null = null
  if (toolChoice?.kind === 'tool') choice = { type: 'tool', name: toolChoice.name }
  else if (toolChoice !== undefined)
    choice = { type: toolChoice.kind === 'required' ? 'any' : toolChoice.kind }
  if ((choice?.['type'] === 'any' || choice?.['type'] === 'tool') && !traits.forcedTools) {
    choice = { type: 'auto' }
    drops.add('tool_choice', 'the model cannot be made to call a tool')
  }
  const spoken = parallelToolCalls === false || (parallelToolCalls === true && choice !== null)
  if (spoken && choice?.['type'] !== 'none') {
    choice = { ...(choice ?? { type: 'auto' }), disable_parallel_tool_use: !parallelToolCalls }
  }
  if (choice !== null) body['tool_choice'] = choice
}

const TIERS: Readonly<Record<string, string>> = {
  auto: 'auto',
  priority: 'auto',
  default: 'standard_only',
  standard: 'standard_only',
}

/** `service_tier`, where the tier has a name here. */
export function addTier(body: Json, { serviceTier }: ChatParameters, drops: Drops): void {
  if (serviceTier === undefined) return
  const tier = TIERS[serviceTier]
  if (tier !== undefined) body['service_tier'] = tier
  else drops.add('service_tier', 'the Messages API has no such tier')
}

/** Parameters of other dialects that this one has no words for. */
const ABSENT = {
  topA: 'top_a',
  minP: 'min_p',
  frequencyPenalty: 'frequency_penalty',
  presencePenalty: 'presence_penalty',
  repetitionPenalty: 'repetition_penalty',
  seed: 'seed',
  logitBias: 'logit_bias',
  logprobs: 'logprobs',
  topLogprobs: 'top_logprobs',
} as const satisfies Partial<Record<keyof ChatParameters, string>>

/** Names every parameter in use that this API has no words for. */
export function nameTheRest(chat: ChatRequest, values: ChatParameters, drops: Drops): void {
  const reason = 'the Messages API has no such parameter'
  for (const [member, parameter] of Object.entries(ABSENT)) {
    const value = values[member as keyof typeof ABSENT]
    if (value !== undefined && value !== false) drops.add(parameter, reason)
  }
  for (const parameter of Object.keys({ ...values.extra, ...values.native })) drops.add(parameter, reason)
  if (chat.choices > 1) drops.add('n', reason)
  if (chat.outputModalities.some((name) => name !== 'text')) drops.add('modalities', reason)
}
