import type { ChatParameters, ChatRequest, ResponseFormat } from '../../chat/index.ts'
import type { Drops } from '../anthropic-messages/drops.ts'
import { nearestEffort } from '../anthropic-messages/models.ts'
import { limitSampling } from '../anthropic-messages/sampling.ts'
import { restrictSchema } from '../anthropic-messages/schema.ts'
import { encodeThinking, type Thinking, wanted } from '../anthropic-messages/thinking.ts'
import { type Json, object } from '../json.ts'
import { encodeReasoning } from '../openai-chat/reasoning.ts'
import type { Traits } from './models.ts'

/** Output limit (tokens) that a share of reasoning is reckoned from where neither client nor catalog names one. */
const USUAL_LIMIT = 4096

/** Beta features that Bedrock's Claude knows; others are refused. Source: the user guide's page of Claude's Messages API. */
const BETAS: ReadonlySet<string> = new Set([
  'interleaved-thinking-2025-05-14',
  'token-efficient-tools-2025-02-19',
  'output-128k-2025-02-19',
  'dev-full-thinking-2025-05-14',
  'context-1m-2025-08-07',
])
const EFFORT_BETA = 'effort-2025-11-24'

export interface Reasoning {
  /** Fields of the model's own. */
  readonly fields: Json
  readonly thinking: Thinking
}

/** `reasoning` in the words of the model. `maxOutput` is the catalog's output limit (tokens). */
export function encodeReasoningFields(
  chat: ChatRequest,
  values: ChatParameters,
  traits: Traits,
  maxOutput: number | null,
  drops: Drops,
): Reasoning {
  const wish = chat.reasoning
  const asked = wanted(wish)
  const nothing: Reasoning = { fields: {}, thinking: {} }
  if (traits.claude !== null) {
    const limit = chat.maxOutputTokens ?? maxOutput ?? USUAL_LIMIT + (wish?.maxTokens ?? 0)
    const thinking = encodeThinking(wish, traits.claude, limit, drops)
    const forced = values.toolChoice?.kind === 'required' || values.toolChoice?.kind === 'tool'
    if (forced && thinking.thinking?.['type'] === 'enabled') {
      drops.add('reasoning', 'the model does not reason when it is made to call a tool')
      return nothing
    }
    return { fields: thinking.thinking === undefined ? {} : { thinking: thinking.thinking }, thinking }
  }
  if (wish === null || asked === null) return nothing
  switch (traits.reasoning) {
    case 'nova': {
      if (!asked) return { fields: { reasoningConfig: { type: 'disabled' } }, thinking: {} }
      let effort = nearestEffort(wish.effort ?? 'medium', ['low', 'medium', 'high'])
      if (effort === 'high' && chat.maxOutputTokens !== null) {
        effort = 'medium'
        drops.add(
          'reasoning',
          'the model takes high effort only without an output limit; medium is asked for',
        )
      }
      return { fields: { reasoningConfig: { type: 'enabled', maxReasoningEffort: effort } }, thinking: {} }
    }
    case 'effort': {
      const quirks = { reasoning: 'effort', efforts: ['low', 'medium', 'high'] } as const
      return { fields: encodeReasoning(wish, quirks, chat.maxOutputTokens) ?? {}, thinking: {} }
    }
    default:
      drops.add('reasoning', 'the model cannot be told here how much to reason')
      return nothing
  }
}

/** `inferenceConfig`; top_k goes among the model's own fields. */
export function encodeInference(
  limit: number | null,
  values: ChatParameters,
  traits: Traits,
  { fields }: Reasoning,
  takes: (parameter: string) => boolean,
  drops: Drops,
): { config: Json; fields: Json } {
  const { temperature, top_p: topP, top_k: topK } = samplingOf(values, traits, fields, takes, drops)
  const config: Json = {}
  if (limit !== null) config['maxTokens'] = limit
  if (temperature !== undefined) config['temperature'] = temperature
  if (topP !== undefined) config['topP'] = topP
  const stops = (values.stop ?? []).filter((sequence) => sequence.trim() !== '')
  if (stops.length > 0) config['stopSequences'] = stops
  if (stops.length < (values.stop?.length ?? 0)) drops.add('stop', 'sequences of white space are not taken')
  if (topK === undefined) return { config, fields: {} }
  return { config, fields: traits.topK === 'nova' ? { inferenceConfig: { topK } } : { [traits.topK!]: topK } }
}

/** temperature, top_p and top_k as far as endpoint, model and reasoning leave room for them. */
function samplingOf(
  { temperature, topP, topK }: ChatParameters,
  traits: Traits,
  { thinking, reasoningConfig }: Json,
  takes: (parameter: string) => boolean,
  drops: Drops,
): Json {
  const sampling: Json = { temperature, top_p: topP, top_k: topK }
  const drop = (parameter: string, reason: string) => {
    if (sampling[parameter] === undefined) return
    delete sampling[parameter]
    drops.add(parameter, reason)
  }
  for (const parameter of ['temperature', 'top_p', 'top_k']) {
    if (!takes(parameter)) drop(parameter, 'the endpoint does not take it')
    if (object(reasoningConfig)?.['maxReasoningEffort'] === 'high') {
      drop(parameter, 'the model does not take it at high effort')
    }
  }
  if (traits.topK === null) drop('top_k', 'the model has no such parameter here')
  if (Number(sampling['temperature']) > 1) {
    sampling['temperature'] = 1
    drops.add('temperature', 'the Converse API knows temperatures up to 1 only')
  }
  if (traits.claude === null) return sampling
  const bounded = { ...sampling, thinking }
  limitSampling(bounded, traits.claude, drops)
  return bounded
}

/** Claude's own fields beside reasoning: effort, beta features, and the stop sequence that was met. */
export function encodeClaudeFields(
  chat: ChatRequest,
  { verbosity }: ChatParameters,
  traits: Traits,
  { thinking }: Reasoning,
  drops: Drops,
): Json {
  const { claude } = traits
  if (claude === null) {
    if (verbosity !== undefined) drops.add('verbosity', 'the model knows no levels of effort')
    return {}
  }
  let { effort } = thinking
  if (verbosity !== undefined) {
    if (claude.efforts.length > 0) effort = nearestEffort(verbosity, claude.efforts)
    else drops.add('verbosity', 'the model knows no levels of effort')
  }
  const betas = (chat.betas ?? []).filter((name) => BETAS.has(name))
  if (betas.length < (chat.betas?.length ?? 0)) {
    drops.add('anthropic-beta', 'Amazon Bedrock does not know the feature')
  }
  // Models that think by themselves have efforts as a plain feature.
  if (effort !== undefined && claude.thinking === 'budget') betas.push(EFFORT_BETA)
  return {
    ...(effort !== undefined && { output_config: { effort } }),
    ...(betas.length > 0 && { anthropic_beta: betas }),
  }
}

/** `outputConfig` for an answer by schema. */
export function encodeOutput({ name, description, schema }: ResponseFormat & { kind: 'schema' }): Json {
  const jsonSchema: Json = { name: name ?? 'response' }
  if (description?.trim()) jsonSchema['description'] = description
  jsonSchema['schema'] = JSON.stringify(restrictSchema(schema))
  return { textFormat: { type: 'json_schema', structure: { jsonSchema } } }
}

/** `serviceTier`; `auto` is what happens without it. Tiers that cost more than the endpoint's tariff are not asked for. */
export function encodeTier({ serviceTier }: ChatParameters, drops: Drops): Json | null {
  if (serviceTier === undefined || serviceTier === 'auto') return null
  if (serviceTier === 'flex') return { type: 'flex' }
  if (serviceTier === 'default' || serviceTier === 'standard') return { type: 'default' }
  drops.add('service_tier', 'Amazon Bedrock has no such tier at the price of this endpoint')
  return null
}

/** Parameters that the Converse API has no words for, by OpenRouter's name. */
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
  metadata: 'metadata',
  promptCacheKey: 'prompt_cache_key',
} as const satisfies Partial<Record<keyof ChatParameters, string>>

/** Names every parameter in use that this API has no words for. */
export function nameTheRest(chat: ChatRequest, values: ChatParameters, drops: Drops): void {
  const reason = 'the Converse API has no such parameter'
  for (const [member, parameter] of Object.entries(ABSENT)) {
    const value = values[member as keyof typeof ABSENT]
    if (value !== undefined && value !== false) drops.add(parameter, reason)
  }
  for (const parameter of Object.keys({ ...values.extra, ...values.native })) drops.add(parameter, reason)
  if (chat.choices > 1) drops.add('n', reason)
  if (chat.outputModalities.some((name) => name !== 'text')) drops.add('modalities', reason)
}
