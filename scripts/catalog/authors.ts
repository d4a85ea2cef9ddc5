/** How authors write their names; others are shown with a capital. */
export const AUTHOR_NAMES: Readonly<Record<string, string>> = {
  ai21: 'AI21',
  aisingapore: 'AI Singapore',
  'arcee-ai': 'Arcee AI',
  baai: 'BAAI',
  'bytedance-seed': 'ByteDance Seed',
  deepseek: 'DeepSeek',
  'ibm-granite': 'IBM',
  inclusionai: 'inclusionAI',
  jetbrains: 'JetBrains',
  liquid: 'LiquidAI',
  'meta-llama': 'Meta',
  minimax: 'MiniMax',
  mistralai: 'Mistral',
  moonshotai: 'MoonshotAI',
  nousresearch: 'Nous',
  nvidia: 'NVIDIA',
  openai: 'OpenAI',
  stepfun: 'StepFun',
  thinkingmachines: 'Thinking Machines',
  voyage: 'Voyage AI',
  'x-ai': 'xAI',
  xiaomi: 'Xiaomi',
  'z-ai': 'Z.AI',
  'humain-ai': 'Humain',
}

/** OpenRouter's tokenizer groups, by canonical id; first match wins. */
const TOKENIZERS: readonly (readonly [RegExp, string])[] = [
  [/^openai\//, 'GPT'],
  [/^anthropic\//, 'Claude'],
  [/gemma/, 'Gemma'],
  [/^google\//, 'Gemini'],
  [/^x-ai\//, 'Grok'],
  [/^cohere\//, 'Cohere'],
  [/^amazon\//, 'Nova'],
  [/qwen-?3/, 'Qwen3'],
  [/qwen|qwq|qvq/, 'Qwen'],
  [/llama-?4/, 'Llama4'],
  [/llama-?3|sao10k\/l3|hermes-4|hermes-2-pro-llama-3/, 'Llama3'],
  [/llama-?2|mythomax/, 'Llama2'],
  [/^deepseek\//, 'DeepSeek'],
  [/^mistralai\/|mixtral|mistral/, 'Mistral'],
]

export const tokenizerOf = (model: string): string =>
  TOKENIZERS.find(([pattern]) => pattern.test(model))?.[1] ?? 'Other'

export function authorName(author: string): string {
  return AUTHOR_NAMES[author] ?? author.charAt(0).toUpperCase() + author.slice(1)
}
