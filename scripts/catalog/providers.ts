/**
 * The providers of the catalog: our slug (OpenRouter's where it has one) and how each source calls them. A provider
 * that a source does not know is absent from its column. `first` marks who serves only their own models.
 */
export interface ProviderSource {
  readonly dialect: string
  readonly pi?: string
  readonly genai?: string
  /** models.dev's id; mastra and tokenlens use the same. */
  readonly dev?: string
  /** model-prices' id. */
  readonly mp?: string
  /** Models of other makers that it serves too: `pi` leaves them out, and of `genai` only they are read. */
  readonly partners?: RegExp
  /** Takes the sampling parameters of open-weight servers (top_k, min_p, repetition_penalty). */
  readonly openWeights?: boolean
}

export const PROVIDERS: Readonly<Record<string, ProviderSource>> = {
  openai: {
    dialect: 'openai-chat',
    pi: 'openai',
    genai: 'openai',
    dev: 'openai',
    mp: 'openai',
  },
  anthropic: {
    dialect: 'anthropic-messages',
    pi: 'anthropic',
    genai: 'anthropic',
    dev: 'anthropic',
    mp: 'anthropic',
  },
  'google-ai-studio': {
    dialect: 'gemini',
    pi: 'google',
    genai: 'google',
    dev: 'google',
    mp: 'google',
  },
  'google-vertex': {
    dialect: 'gemini',
    pi: 'google-vertex',
    genai: 'google',
    dev: 'google-vertex',
    partners: /^claude-[a-z]+-\d/,
  },
  'amazon-bedrock': {
    dialect: 'bedrock-converse',
    pi: 'amazon-bedrock',
    genai: 'aws',
    dev: 'amazon-bedrock',
    mp: 'amazon-bedrock',
  },
  azure: { dialect: 'openai-chat', pi: 'azure', genai: 'azure', dev: 'azure' },
  mistral: {
    dialect: 'openai-chat',
    pi: 'mistral',
    genai: 'mistral',
    dev: 'mistral',
    mp: 'mistral',
  },
  cohere: { dialect: 'cohere', genai: 'cohere', dev: 'cohere', mp: 'cohere' },
  deepseek: {
    dialect: 'openai-chat',
    pi: 'deepseek',
    genai: 'deepseek',
    dev: 'deepseek',
    mp: 'deepseek',
  },
  xai: { dialect: 'openai-chat', pi: 'xai', genai: 'x-ai', dev: 'xai', mp: 'xai' },
  groq: { dialect: 'openai-chat', pi: 'groq', genai: 'groq', dev: 'groq' },
  cerebras: { dialect: 'openai-chat', pi: 'cerebras', genai: 'cerebras', dev: 'cerebras' },
  together: {
    dialect: 'openai-chat',
    pi: 'together',
    genai: 'together',
    dev: 'togetherai',
    openWeights: true,
  },
  fireworks: {
    dialect: 'openai-chat',
    pi: 'fireworks',
    genai: 'fireworks',
    dev: 'fireworks-ai',
    openWeights: true,
  },
  novita: { dialect: 'openai-chat', genai: 'novita', dev: 'novita-ai', openWeights: true },
  baseten: {
    dialect: 'openai-chat',
    pi: 'baseten',
    genai: 'baseten',
    dev: 'baseten',
    openWeights: true,
  },
  huggingface: { dialect: 'openai-chat', pi: 'huggingface', dev: 'huggingface' },
  nvidia: { dialect: 'openai-chat', pi: 'nvidia', dev: 'nvidia' },
  perplexity: {
    dialect: 'openai-chat',
    genai: 'perplexity',
    dev: 'perplexity',
    mp: 'perplexity',
  },
  moonshotai: {
    dialect: 'openai-chat',
    pi: 'moonshotai',
    genai: 'moonshotai',
    dev: 'moonshotai',
    mp: 'moonshotai',
  },
  minimax: {
    dialect: 'openai-chat',
    pi: 'minimax',
    genai: 'minimax',
    dev: 'minimax',
    mp: 'minimax',
  },
  'z-ai': { dialect: 'openai-chat', pi: 'zai', genai: 'zai', dev: 'zai', mp: 'zai' },
  meta: { dialect: 'openai-responses', pi: 'meta', dev: 'meta', mp: 'meta' },
  xiaomi: { dialect: 'openai-chat', pi: 'xiaomi', dev: 'xiaomi', mp: 'xiaomi' },
  cloudflare: {
    dialect: 'openai-chat',
    pi: 'cloudflare-workers-ai',
    genai: 'cloudflare',
    dev: 'cloudflare-workers-ai',
  },
  ovhcloud: {
    dialect: 'openai-chat',
    genai: 'ovhcloud',
    dev: 'ovhcloud',
    openWeights: true,
  },
  voyage: { dialect: 'openai-chat', genai: 'voyageai' },
  'arcee-ai': {
    dialect: 'openai-chat',
    genai: 'arcee',
    dev: 'arcee',
    mp: 'arcee',
    openWeights: true,
  },
  avian: { dialect: 'openai-chat', genai: 'avian', openWeights: true },
  doubleword: { dialect: 'openai-chat', genai: 'doubleword', openWeights: true },
  modal: { dialect: 'openai-chat', genai: 'modal', dev: 'modal', openWeights: true },
  'ant-ling': { dialect: 'openai-chat', pi: 'ant-ling' },
  nebius: {
    dialect: 'openai-chat',
    genai: 'huggingface_nebius',
    dev: 'nebius',
    openWeights: true,
  },
  sambanova: { dialect: 'openai-chat', genai: 'huggingface_sambanova' },
  hyperbolic: {
    dialect: 'openai-chat',
    genai: 'huggingface_hyperbolic',
    openWeights: true,
  },
  nscale: { dialect: 'openai-chat', genai: 'huggingface_nscale', openWeights: true },
  alibaba: { dialect: 'openai-chat', dev: 'alibaba', mp: 'alibaba' },
  deepinfra: { dialect: 'openai-chat', dev: 'deepinfra', openWeights: true },
  inception: { dialect: 'openai-chat', dev: 'inception', mp: 'inception' },
  ai21: { dialect: 'openai-chat', dev: 'ai21', mp: 'ai21' },
  upstage: { dialect: 'openai-chat', dev: 'upstage', mp: 'upstage' },
  stepfun: { dialect: 'openai-chat', dev: 'stepfun-ai', mp: 'stepfun-ai' },
  siliconflow: { dialect: 'openai-chat', dev: 'siliconflow', openWeights: true },
  friendli: { dialect: 'openai-chat', dev: 'friendli', openWeights: true },
  scaleway: { dialect: 'openai-chat', dev: 'scaleway', openWeights: true },
  wandb: { dialect: 'openai-chat', dev: 'wandb', openWeights: true },
  gmicloud: { dialect: 'openai-chat', dev: 'gmicloud', openWeights: true },
  crusoe: { dialect: 'openai-chat', dev: 'crusoe', openWeights: true },
  'inference-net': { dialect: 'openai-chat', dev: 'inference', openWeights: true },
  morph: { dialect: 'openai-chat', dev: 'morph' },
  poolside: { dialect: 'openai-chat', dev: 'poolside', mp: 'poolside' },
  openrouter: { dialect: 'openai-chat', pi: 'openrouter' },
}

/** Resells other providers: in the catalog, but not counted among providers and endpoints. */
export const AGGREGATORS: ReadonlySet<string> = new Set(['openrouter'])

/** Providers whose models SambaNova and others list under another id than the router that published the price. */
export const UPSTREAM_IDS: Readonly<Record<string, Readonly<Record<string, string>>>> = {
  sambanova: {
    'meta-llama/Llama-3.1-8B-Instruct': 'Meta-Llama-3.1-8B-Instruct',
    'meta-llama/Llama-3.3-70B-Instruct': 'Meta-Llama-3.3-70B-Instruct',
    'tokyotech-llm/Llama-3.3-Swallow-70B-Instruct-v0.4': 'Llama-3.3-Swallow-70B-Instruct-v0.4',
    'deepseek-ai/DeepSeek-R1-0528': 'DeepSeek-R1-0528',
    'deepseek-ai/DeepSeek-R1-Distill-Llama-70B': 'DeepSeek-R1-Distill-Llama-70B',
    'deepseek-ai/DeepSeek-V3-0324': 'DeepSeek-V3-0324',
    'Qwen/Qwen3-32B': 'Qwen3-32B',
    'openai/gpt-oss-120b': 'gpt-oss-120b',
  },
}
