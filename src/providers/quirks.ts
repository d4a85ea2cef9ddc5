import type { EmbeddingQuirks, Quirks } from '../dialects/index.ts'

/** Sampling parameters that came with open models; servers that follow OpenAI's schema closely answer them with 400. */
export const OPEN_MODEL_SAMPLING = ['top_k', 'top_a', 'min_p', 'repetition_penalty'] as const

/** Efforts that servers of open models know. */
const OPEN_MODEL_EFFORTS = ['none', 'low', 'medium', 'high'] as const

/** Source: Voyage's API reference: numbers are the encoding when none is named; `user` answers 400. */
export const voyage: Quirks = {
  unsupported: ['user'],
  embeddings: {
    dimensions: 'output_dimension',
    encodings: ['base64'],
    inputTypes: { query: 'query', document: 'document' },
  },
}

/** Source: NVIDIA's API reference: retrieval models insist on `input_type`. */
export const nvidiaEmbeddings: EmbeddingQuirks = {
  inputTypes: { query: 'query', document: 'passage' },
  usualInputType: 'passage',
}

/** Source: the references of DeepInfra and Alibaba: numbers are the only encoding. */
export const onlyFloats: EmbeddingQuirks = { encodings: ['float'] }

/** OpenAI's own successors of `max_tokens` and `system`, and its finer efforts, which most compatible servers do not know. */
export const compatible: Quirks = {
  rename: { max_completion_tokens: 'max_tokens' },
  noDeveloperRole: true,
  efforts: OPEN_MODEL_EFFORTS,
}

/** Source: vLLM's and SGLang's references of their OpenAI-compatible servers: `continue_final_message`. */
export const openServer: Quirks = {
  ...compatible,
  reasoning: 'effort',
  assistantPrefix: 'continue_final_message',
}

/** OpenAI itself and servers of its code: `max_tokens` is refused by every reasoning model, the newer name by none. */
export const openai: Quirks = {
  rename: { max_tokens: 'max_completion_tokens' },
  unsupported: OPEN_MODEL_SAMPLING,
  reasoning: 'effort',
}

/** Source: Mistral's API reference; unknown fields answer 422. The seed is called `random_seed`. */
export const mistral: Quirks = {
  rename: { max_completion_tokens: 'max_tokens', seed: 'random_seed' },
  unsupported: [
    ...OPEN_MODEL_SAMPLING,
    'logit_bias',
    'logprobs',
    'top_logprobs',
    'user',
    'store',
    'verbosity',
  ],
  noDeveloperRole: true,
  reasoning: 'effort',
  efforts: ['none', 'high'],
  assistantPrefix: 'prefix',
  embeddings: { dimensions: 'output_dimension' },
}

/** Source: DeepSeek's guide to its thinking mode: a switch, and an effort beside it whose every OpenAI value is mapped there. */
export const deepseek: Quirks = {
  ...compatible,
  reasoning: 'thinking-effort',
  efforts: ['minimal', 'low', 'medium', 'high', 'xhigh', 'max'],
}

/** Source: Groq's compatibility page: these answer 400, as does `n` above 1. */
export const groq: Quirks = {
  unsupported: [...OPEN_MODEL_SAMPLING, 'logit_bias', 'logprobs', 'top_logprobs', 'n'],
  reasoning: 'effort',
  efforts: OPEN_MODEL_EFFORTS,
}

/** Source: Cerebras' compatibility page: the penalties and `logit_bias` answer 400. */
export const cerebras: Quirks = {
  unsupported: [...OPEN_MODEL_SAMPLING, 'logit_bias', 'frequency_penalty', 'presence_penalty'],
  noDeveloperRole: true,
  reasoning: 'effort',
  efforts: OPEN_MODEL_EFFORTS,
}

/** Source: Perplexity's chat reference: the Sonar models search by themselves and take no tools. */
export const perplexity: Quirks = {
  ...compatible,
  unsupported: ['tools', 'tool_choice', 'parallel_tool_calls', 'logit_bias', 'logprobs', 'seed', 'n', 'stop'],
  reasoning: 'effort',
  efforts: ['minimal', 'low', 'medium', 'high'],
  embeddings: { encodings: [], int8: true },
}

/** Source: MiniMax' chat reference: without `reasoning_split` the thoughts come inside the text, in `<think>` tags. */
export const minimax: Quirks = { ...compatible, reasoning: 'none', extraBody: { reasoning_split: true } }
