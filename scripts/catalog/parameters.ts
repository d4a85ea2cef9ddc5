import { PROVIDERS } from './providers.ts'

/**
 * Request parameters (OpenRouter's names) that each wire format has a place for; from the providers' API references,
 * read 2026-11. What a model adds (tools, reasoning, schemas) comes from the sources.
 */
const SAMPLING: Readonly<Record<string, readonly string[]>> = {
  'openai-chat': ['temperature', 'top_p', 'frequency_penalty', 'presence_penalty', 'stop', 'seed'],
  'openai-responses': ['temperature', 'top_p'],
  'anthropic-messages': ['temperature', 'top_p', 'top_k', 'stop'],
  gemini: ['temperature', 'top_p', 'top_k', 'frequency_penalty', 'presence_penalty', 'stop', 'seed'],
  'bedrock-converse': ['temperature', 'top_p', 'stop'],
  'bedrock-invoke': ['temperature', 'top_p', 'top_k', 'stop'],
  'vertex-messages': ['temperature', 'top_p', 'top_k', 'stop'],
  cohere: ['temperature', 'top_p', 'top_k', 'frequency_penalty', 'presence_penalty', 'stop', 'seed'],
}

/** Formats that constrain an answer to a JSON schema by themselves. */
const SCHEMA_DIALECTS: ReadonlySet<string> = new Set(['openai-chat', 'openai-responses', 'gemini', 'cohere'])

/** OpenAI's own services, whose reasoning models refuse sampling parameters and take effort and verbosity. */
const OPENAI: ReadonlySet<string> = new Set(['openai', 'azure'])

export interface Abilities {
  readonly tools: boolean
  readonly reasoning: boolean
  readonly structured: boolean
  readonly temperature: boolean
}

/** The `supported_parameters` of a chat endpoint, sorted. */
export function supportedParameters(provider: string, dialect: string, can: Abilities): string[] {
  const names = new Set(['max_tokens'])
  const refusesSampling = !can.temperature || (OPENAI.has(provider) && can.reasoning)
  for (const name of SAMPLING[dialect] ?? []) {
    if (!refusesSampling || name === 'seed' || (name === 'stop' && !OPENAI.has(provider))) names.add(name)
  }
  if (PROVIDERS[provider]?.openWeights)
    for (const name of ['top_k', 'min_p', 'repetition_penalty']) names.add(name)
  if (OPENAI.has(provider)) names.add('max_completion_tokens')
  if (OPENAI.has(provider) && !can.reasoning)
    for (const name of ['logit_bias', 'logprobs', 'top_logprobs']) names.add(name)
  if (can.tools) for (const name of ['tools', 'tool_choice']) names.add(name)
  if (can.tools && dialect !== 'gemini' && dialect !== 'cohere') names.add('parallel_tool_calls')
  if (can.reasoning) for (const name of ['reasoning', 'include_reasoning']) names.add(name)
  if (can.reasoning && OPENAI.has(provider))
    for (const name of ['reasoning_effort', 'verbosity']) names.add(name)
  if (can.structured) for (const name of ['response_format', 'structured_outputs']) names.add(name)
  else if (SCHEMA_DIALECTS.has(dialect)) names.add('response_format')
  return [...names].sort()
}

/** Context lengths (tokens) that only the providers' model pages tell, read 2026-11: pattern over canonical ids. */
export const CONTEXTS: readonly (readonly [RegExp, number])[] = [
  [/^voyage\/voyage-(law-2|code-2|large-2(-instruct)?)$/, 16_000],
  [/^voyage\/voyage-2$/, 4_000],
  [/^voyage\/voyage-/, 32_000],
  [/^ai21\/jamba-(large|mini)$/, 256_000],
  [/^baai\/bge-(base|large|small)-en-v1\.5$/, 512],
]
