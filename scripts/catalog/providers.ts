/**
 * The providers of the catalog: our slug (OpenRouter's where it has one) and how each source calls them. A provider
 * that a source does not know is absent from its column. `first` marks who serves only their own models.
 */
export interface ProviderSource {
  readonly name: string
  readonly dialect: string
  readonly pi?: string
  readonly genai?: string
  /** models.dev's id; mastra and tokenlens use the same. */
  readonly dev?: string
  /** model-prices' id. */
  readonly mp?: string
  /** Takes the sampling parameters of open-weight servers (top_k, min_p, repetition_penalty). */
  readonly openWeights?: boolean
}

export const PROVIDERS: Readonly<Record<string, ProviderSource>> = {
  openai: {
    name: 'OpenAI',
    dialect: 'openai-chat',
    pi: 'openai',
    genai: 'openai',
    dev: 'openai',
    mp: 'openai',
  },
  anthropic: {
    name: 'Anthropic',
    dialect: 'anthropic-messages',
    pi: 'anthropic',
    genai: 'anthropic',
    dev: 'anthropic',
    mp: 'anthropic',
  },
  'google-ai-studio': {
    name: 'Google AI Studio',
    dialect: 'gemini',
    pi: 'google',
    genai: 'google',
    dev: 'google',
    mp: 'google',
  },
  'google-vertex': { name: 'Google', dialect: 'gemini', pi: 'google-vertex', dev: 'google-vertex' },
  'amazon-bedrock': {
    name: 'Amazon Bedrock',
    dialect: 'bedrock-converse',
    pi: 'amazon-bedrock',
    genai: 'aws',
    dev: 'amazon-bedrock',
    mp: 'amazon-bedrock',
  },
  azure: { name: 'Azure', dialect: 'openai-chat', pi: 'azure', genai: 'azure', dev: 'azure' },
  mistral: {
    name: 'Mistral',
    dialect: 'openai-chat',
    pi: 'mistral',
    genai: 'mistral',
    dev: 'mistral',
    mp: 'mistral',
  },
  cohere: { name: 'Cohere', dialect: 'cohere', genai: 'cohere', dev: 'cohere', mp: 'cohere' },
  deepseek: {
    name: 'DeepSeek',
    dialect: 'openai-chat',
    pi: 'deepseek',
    genai: 'deepseek',
    dev: 'deepseek',
    mp: 'deepseek',
  },
  xai: { name: 'xAI', dialect: 'openai-chat', pi: 'xai', genai: 'x-ai', dev: 'xai', mp: 'xai' },
  groq: { name: 'Groq', dialect: 'openai-chat', pi: 'groq', genai: 'groq', dev: 'groq' },
  cerebras: { name: 'Cerebras', dialect: 'openai-chat', pi: 'cerebras', genai: 'cerebras', dev: 'cerebras' },
  together: {
    name: 'Together',
    dialect: 'openai-chat',
    pi: 'together',
    genai: 'together',
    dev: 'togetherai',
    openWeights: true,
  },
  fireworks: {
    name: 'Fireworks',
    dialect: 'openai-chat',
    pi: 'fireworks',
    genai: 'fireworks',
    dev: 'fireworks-ai',
    openWeights: true,
  },
  novita: { name: 'Novita', dialect: 'openai-chat', genai: 'novita', dev: 'novita-ai', openWeights: true },
  baseten: {
    name: 'BaseTen',
    dialect: 'openai-chat',
    pi: 'baseten',
    genai: 'baseten',
    dev: 'baseten',
    openWeights: true,
  },
  huggingface: { name: 'Hugging Face', dialect: 'openai-chat', pi: 'huggingface', dev: 'huggingface' },
  nvidia: { name: 'Nvidia', dialect: 'openai-chat', pi: 'nvidia', dev: 'nvidia' },
  perplexity: {
    name: 'Perplexity',
    dialect: 'openai-chat',
    genai: 'perplexity',
    dev: 'perplexity',
    mp: 'perplexity',
  },
  moonshotai: {
    name: 'Moonshot AI',
    dialect: 'openai-chat',
    pi: 'moonshotai',
    genai: 'moonshotai',
    dev: 'moonshotai',
    mp: 'moonshotai',
  },
  minimax: {
    name: 'MiniMax',
    dialect: 'openai-chat',
    pi: 'minimax',
    genai: 'minimax',
    dev: 'minimax',
    mp: 'minimax',
  },
  'z-ai': { name: 'Z.AI', dialect: 'openai-chat', pi: 'zai', genai: 'zai', dev: 'zai', mp: 'zai' },
  meta: { name: 'Meta', dialect: 'openai-responses', pi: 'meta', dev: 'meta', mp: 'meta' },
  xiaomi: { name: 'Xiaomi', dialect: 'openai-chat', pi: 'xiaomi', dev: 'xiaomi', mp: 'xiaomi' },
  cloudflare: {
    name: 'Cloudflare',
    dialect: 'openai-chat',
    pi: 'cloudflare-workers-ai',
    genai: 'cloudflare',
    dev: 'cloudflare-workers-ai',
  },
  ovhcloud: {
    name: 'OVHcloud',
    dialect: 'openai-chat',
    genai: 'ovhcloud',
    dev: 'ovhcloud',
    openWeights: true,
  },
  voyage: { name: 'Voyage AI', dialect: 'openai-chat', genai: 'voyageai' },
  'arcee-ai': {
    name: 'Arcee AI',
    dialect: 'openai-chat',
    genai: 'arcee',
    dev: 'arcee',
    mp: 'arcee',
    openWeights: true,
  },
  avian: { name: 'Avian.io', dialect: 'openai-chat', genai: 'avian', openWeights: true },
  doubleword: { name: 'Doubleword', dialect: 'openai-chat', genai: 'doubleword', openWeights: true },
  modal: { name: 'Modal', dialect: 'openai-chat', genai: 'modal', dev: 'modal', openWeights: true },
  'ant-ling': { name: 'Ant Ling', dialect: 'openai-chat', pi: 'ant-ling' },
  nebius: {
    name: 'Nebius',
    dialect: 'openai-chat',
    genai: 'huggingface_nebius',
    dev: 'nebius',
    openWeights: true,
  },
  sambanova: { name: 'SambaNova', dialect: 'openai-chat', genai: 'huggingface_sambanova' },
  hyperbolic: {
    name: 'Hyperbolic',
    dialect: 'openai-chat',
    genai: 'huggingface_hyperbolic',
    openWeights: true,
  },
  nscale: { name: 'Nscale', dialect: 'openai-chat', genai: 'huggingface_nscale', openWeights: true },
  alibaba: { name: 'Alibaba Cloud', dialect: 'openai-chat', dev: 'alibaba', mp: 'alibaba' },
  deepinfra: { name: 'DeepInfra', dialect: 'openai-chat', dev: 'deepinfra', openWeights: true },
  inception: { name: 'Inception', dialect: 'openai-chat', dev: 'inception', mp: 'inception' },
  ai21: { name: 'AI21', dialect: 'openai-chat', dev: 'ai21', mp: 'ai21' },
  upstage: { name: 'Upstage', dialect: 'openai-chat', dev: 'upstage', mp: 'upstage' },
  stepfun: { name: 'StepFun', dialect: 'openai-chat', dev: 'stepfun-ai', mp: 'stepfun-ai' },
  siliconflow: { name: 'SiliconFlow', dialect: 'openai-chat', dev: 'siliconflow', openWeights: true },
  friendli: { name: 'Friendli', dialect: 'openai-chat', dev: 'friendli', openWeights: true },
  scaleway: { name: 'Scaleway', dialect: 'openai-chat', dev: 'scaleway', openWeights: true },
  wandb: { name: 'Weights & Biases', dialect: 'openai-chat', dev: 'wandb', openWeights: true },
  gmicloud: { name: 'GMICloud', dialect: 'openai-chat', dev: 'gmicloud', openWeights: true },
  crusoe: { name: 'Crusoe', dialect: 'openai-chat', dev: 'crusoe', openWeights: true },
  'inference-net': { name: 'Inference.net', dialect: 'openai-chat', dev: 'inference', openWeights: true },
  morph: { name: 'Morph', dialect: 'openai-chat', dev: 'morph' },
  poolside: { name: 'Poolside', dialect: 'openai-chat', dev: 'poolside', mp: 'poolside' },
  openrouter: { name: 'OpenRouter', dialect: 'openai-chat', pi: 'openrouter' },
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
