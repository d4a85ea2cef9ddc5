/** How hosts spell a model's author, in lower case → OpenRouter's author. */
export const AUTHORS: Readonly<Record<string, string>> = {
  'deepseek-ai': 'deepseek',
  'zai-org': 'z-ai',
  zai: 'z-ai',
  thudm: 'z-ai',
  minimaxai: 'minimax',
  xiaomimimo: 'xiaomi',
  'stepfun-ai': 'stepfun',
  mistral: 'mistralai',
  moonshot: 'moonshotai',
  'moonshot-ai': 'moonshotai',
  'meta-models': 'meta',
  'meta-llama': 'meta-llama',
  xai: 'x-ai',
  liquidai: 'liquid',
  bytedance: 'bytedance-seed',
  coherelabs: 'cohere',
  primeintellect: 'prime-intellect',
  'meituan-longcat': 'meituan',
  alpindale: 'microsoft',
  ibm: 'ibm-granite',
}

/** Whose model a bare name is, by how it starts. First match wins. */
export const FAMILIES: readonly (readonly [RegExp, string])[] = [
  [/^(gpt|chat-latest|chatgpt|o\d|codex|computer-use|text-embedding|whisper|davinci|tts|dall)/, 'openai'],
  [/^claude/, 'anthropic'],
  [/^(gemini|gemma|deep-research|text-multilingual|diffusiongemma)/, 'google'],
  [/^(llama|meta-llama)/, 'meta-llama'],
  [/^muse/, 'meta'],
  [
    /^(mistral|mixtral|codestral|devstral|ministral|magistral|pixtral|voxtral|open-mi|labs-|leanstral)/,
    'mistralai',
  ],
  [/^deepseek/, 'deepseek'],
  [/^(qwen|qwq|qvq)/, 'qwen'],
  [/^(kimi|moonshot)/, 'moonshotai'],
  [/^(glm|zai-glm)/, 'z-ai'],
  [/^grok/, 'x-ai'],
  [/^(command|c4ai|embed|rerank|north|cohere)/, 'cohere'],
  [/^(minimax|m2-)/, 'minimax'],
  [/^(nemotron|nvidia|cosmos)/, 'nvidia'],
  [/^(phi|mai-|wizardlm)/, 'microsoft'],
  [/^mimo/, 'xiaomi'],
  [/^(nova|titan)/, 'amazon'],
  [/^(step-|stepaudio)/, 'stepfun'],
  [/^hermes/, 'nousresearch'],
  [/^jamba/, 'ai21'],
  [/^(sonar|r1-1776)/, 'perplexity'],
  [/^mercury/, 'inception'],
  [/^solar/, 'upstage'],
  [/^voyage/, 'voyage'],
  [/^(trinity|virtuoso|maestro|coder-large|spotlight)/, 'arcee-ai'],
  [/^inkling/, 'thinkingmachines'],
  [/^laguna/, 'poolside'],
  [/^lfm/, 'liquid'],
  [/^(ling|ring)-/, 'inclusionai'],
  [/^granite/, 'ibm-granite'],
  [/^seed/, 'bytedance-seed'],
  [/^hy\d|^hunyuan/, 'tencent'],
  [/^ember/, 'fireworks'],
  [/^palmyra/, 'writer'],
  [/^bge/, 'baai'],
  [/^morph/, 'morph'],
  [/^allam/, 'humain-ai'],
]

/** Name suffixes that tell a quantization, in OpenRouter's words. */
export const QUANTIZATIONS: Readonly<Record<string, string>> = {
  fp8: 'fp8',
  nvfp4: 'fp4',
  fp4: 'fp4',
  mxfp4: 'fp4',
  int4: 'int4',
  awq: 'int4',
  int8: 'int8',
  bf16: 'bf16',
  fp16: 'fp16',
}

/** Suffixes that name a faster, cheaper or local serving of the same weights at that provider, not another model. */
export const SERVICE_SUFFIXES: Readonly<Record<string, readonly string[]>> = {
  together: ['turbo', 'lite', 'tput'],
  deepinfra: ['turbo'],
  novita: ['turbo', 'highspeed'],
  baseten: ['fast'],
  fireworks: ['fast', 'spot', 'ultrafast', 'us'],
  cloudflare: ['fast'],
  moonshotai: ['highspeed', 'turbo'],
  minimax: ['highspeed'],
  'z-ai': ['highspeed'],
  gmicloud: ['highspeed'],
  'arcee-ai': ['latest'],
}

/** Geography of Amazon's cross-region inference profiles. */
export const REGIONS = /^(us-gov|us|eu|apac|au|ca|in|jp|global|regional)\./

/**
 * Names that mean the same model though they are spelled apart: pattern over `author/name` (lower case) → canonical id.
 * First match wins. Each line is a fact about a release, found in the model's card or the provider's list.
 */
export const SAME: readonly (readonly [RegExp, string])[] = [
  // Llama: the size and "instruct" are one release; experts are left out of Llama 4's usual name.
  [/^meta-llama\/(?:meta-)?llama-?4-(scout|maverick)-17b(?:-\d+e)?-instruct$/, 'meta-llama/llama-4-$1'],
  [
    /^meta-llama\/(?:meta-)?llama-?v?(3(?:[.-][123])?)-(\d+b)(?:-(?:instruct|versatile|instant))?$/,
    'meta-llama/llama-$1-$2-instruct',
  ],
  [/^meta-llama\/(?:meta-)?llama-?v?3-(\d+b)-(?:chat-hf|8192)$/, 'meta-llama/llama-3-$1-instruct'],
  [
    /^meta-llama\/(?:meta-)?llama-?v?(3[.-][123])-(\d+b)-(vision-)?instruct$/,
    'meta-llama/llama-$1-$2-$3instruct',
  ],
  // Claude: the date names the only release of that version; DigitalOcean and Vertex order the words differently.
  [/^anthropic\/(claude-[a-z]+-\d+(?:[.-]\d)?)-20\d{6}$/, 'anthropic/$1'],
  [/^anthropic\/claude-([a-z]+)-(\d+(?:[.-]\d)?)-v1$/, 'anthropic/claude-$1-$2'],
  // DeepSeek
  [/^deepseek\/(?:deepseek-)?v3$/, 'deepseek/deepseek-chat'],
  [/^deepseek\/deepseek[-.]v3-0324$/, 'deepseek/deepseek-chat-v3-0324'],
  [/^deepseek\/deepseek-v3[.-]1$/, 'deepseek/deepseek-chat-v3.1'],
  [/^deepseek\/(?:deepseek-)?r1$/, 'deepseek/deepseek-r1'],
  [/^deepseek\/v(3[.-]\d)$/, 'deepseek/deepseek-v$1'],
  [/^deepseek\/deepseek-flash$/, 'deepseek/deepseek-v4.1-flash'],
  // Qwen
  [/^qwen\/qwen-?3-235b-a22b-(?:instruct-)?2507$/, 'qwen/qwen3-235b-a22b-2507'],
  [/^qwen\/qwen-?3-coder-480b(?:-a35b)?(?:-instruct)?$/, 'qwen/qwen3-coder'],
  [/^qwen\/qwen-?3-coder-30b-a3b$/, 'qwen/qwen3-coder-30b-a3b-instruct'],
  // Kimi
  [/^moonshotai\/kimi-k2-(?:instruct|0711-preview)$/, 'moonshotai/kimi-k2'],
  [/^moonshotai\/kimi-k2-(?:instruct-0905|0905-preview)$/, 'moonshotai/kimi-k2-0905'],
  // GLM
  [/^z-ai\/zai-glm-(.+)$/, 'z-ai/glm-$1'],
  [/^z-ai\/glm-4-32b-0414$/, 'z-ai/glm-4-32b'],
  // Mistral: dated names and marketing names of one release.
  [
    /^mistralai\/mistral-small-(?:2506|3[.-]2-24b-instruct-2506)$/,
    'mistralai/mistral-small-3.2-24b-instruct',
  ],
  [/^mistralai\/mistral-small-2503$/, 'mistralai/mistral-small-3.1-24b-instruct'],
  [/^mistralai\/mistral-small-4(?:-119b)?-2603$/, 'mistralai/mistral-small-2603'],
  [/^mistralai\/mistral-medium-(?:2505|3-instruct)$/, 'mistralai/mistral-medium-3'],
  [/^mistralai\/mistral-medium-(?:2508|3-1)$/, 'mistralai/mistral-medium-3.1'],
  [/^mistralai\/mistral-medium-(?:2604|3[.-]5(?:-128b)?)$/, 'mistralai/mistral-medium-3-5'],
  [/^mistralai\/mistral-large-3-675b-instruct(?:-2512)?$/, 'mistralai/mistral-large-2512'],
  [/^mistralai\/mistral-large-4$/, 'mistralai/mistral-large-4-0'],
  [/^mistralai\/(?:open-)?mistral-nemo(?:-12b)?(?:-instruct)?(?:-2407)?$/, 'mistralai/mistral-nemo'],
  [/^mistralai\/ministral-(?:3-)?(3b|8b|14b)-instruct(?:-2512)?$/, 'mistralai/ministral-$1-2512'],
  [/^mistralai\/mistral-3-14b$/, 'mistralai/ministral-14b-2512'],
  [/^mistralai\/devstral-2-123b(?:-instruct-2512)?$/, 'mistralai/devstral-2512'],
  [/^mistralai\/voxtral-small-(?:24b-)?2507$/, 'mistralai/voxtral-small-24b-2507'],
  [/^mistralai\/mixtral-(8x\d+b)-instruct-v0\.1$/, 'mistralai/mixtral-$1-instruct'],
  [/^mistralai\/open-mixtral-(8x\d+b)$/, 'mistralai/mixtral-$1-instruct'],
  [/^mistralai\/mistral-small-3[.-]1-24b-instruct-2503$/, 'mistralai/mistral-small-3.1-24b-instruct'],
  [/^mistralai\/pixtral-12b-2409$/, 'mistralai/pixtral-12b'],
  // Nemotron
  [
    /^nvidia\/(?:nvidia-)?nemotron-(?:3-ultra|ultra-3)(?:-550b(?:-a55b)?)?$/,
    'nvidia/nemotron-3-ultra-550b-a55b',
  ],
  [
    /^nvidia\/(?:nvidia-)?nemotron-(?:3-super|super-3|3)-120b(?:-a12b)?$/,
    'nvidia/nemotron-3-super-120b-a12b',
  ],
  [/^nvidia\/(?:nvidia-)?nemotron-(?:3-nano|nano-3)-30b(?:-a3b)?$/, 'nvidia/nemotron-3-nano-30b-a3b'],
  [
    /^nvidia\/(?:nvidia-)?nemotron-3-nano-omni(?:-30b-a3b-reasoning|-reasoning-30b-a3b)?$/,
    'nvidia/nemotron-3-nano-omni-30b-a3b-reasoning',
  ],
  [
    /^nvidia\/(?:nvidia-)?nemotron-(?:3\.5-lightning|lightning-3\.5)(?:-30b-a3b)?$/,
    'nvidia/nemotron-3.5-lightning',
  ],
  [/^nvidia\/(?:nvidia-)?nemotron-3\.5-super-vl(?:-120b-a12b)?$/, 'nvidia/nemotron-3.5-super-vl'],
  [/^nvidia\/(?:nvidia-)?nemotron-nano-(\d+b)-v2$/, 'nvidia/nemotron-nano-$1-v2'],
  // Gemma 4 is offered tuned only.
  [/^google\/gemma-4-(\d+b(?:-a\d+b)?|e\db)$/, 'google/gemma-4-$1-it'],
  // Others
  [/^meta\/muse-spark-open-816b-a42b$/, 'meta/muse-spark-open'],
  [/^meta\/muse-(ember|wonder)-1\.0$/, 'meta/muse-$1'],
  [/^openai\/chat-latest$/, 'openai/gpt-chat-latest'],
  [/^amazon\/nova-(lite|micro|pro|premier|2-lite)$/, 'amazon/nova-$1-v1'],
  [/^cohere\/command-a(?:-03-2025)?$/, 'cohere/command-a'],
  [/^cohere\/command-a-plus(?:-05-2026)?$/, 'cohere/command-a-plus'],
  [/^cohere\/north-mini-code(?:-1-0)?$/, 'cohere/north-mini-code'],
  [/^cohere\/cohere-embed-v-4-0$/, 'cohere/embed-v4.0'],
  [/^mistralai\/magistral-medium-latest$/, 'mistralai/magistral-medium'],
  [/^mistralai\/voxtral-mini-latest$/, 'mistralai/voxtral-mini'],
]

/** Ids (without region) that mean another model than they say, as the provider's own display name tells. */
export const RENAMED: Readonly<Record<string, Readonly<Record<string, string>>>> = {
  'amazon-bedrock': {
    'amazon.titan-embed-text-v2:0': 'amazon/titan-embed-text-v2',
    'cohere.embed-english-v3': 'cohere/cohere-embed-v3-english',
    'cohere.embed-multilingual-v3': 'cohere/cohere-embed-v3-multilingual',
    'cohere.embed-v4:0': 'cohere/embed-v4.0',
    'deepseek.v3-v1:0': 'deepseek/deepseek-chat-v3.1',
    'moonshotai.kimi-k3.1': 'moonshotai/kimi-k3.1-pro',
    'nvidia.nemotron-nano-12b-v2': 'nvidia/nemotron-nano-12b-v2-vl',
    'qwen.qwen3-next-80b-a3b': 'qwen/qwen3-next-80b-a3b-instruct',
    'qwen.qwen3-vl-235b-a22b': 'qwen/qwen3-vl-235b-a22b-instruct',
    'qwen.qwen3-vl-235b-a22b-v1:0': 'qwen/qwen3-vl-235b-a22b-instruct',
  },
}

/** Names that move to the provider's newest model: an alias where the target is known, never an endpoint. */
export const MOVING: readonly RegExp[] = [
  /^accounts\/fireworks\/routers\/.*-latest$/,
  /^gemini-(flash|flash-lite|pro)-latest$/,
  /^(codestral|devstral|devstral-medium|ministral-\d+b|mistral-(large|medium|small)|voxtral-small)-latest$/,
]

/** Where the moving names stand (prices and the provider's names agree, 2026-11): aliases of these models. */
export const MOVED: Readonly<Record<string, string>> = {
  'mistralai/codestral-latest': 'mistralai/codestral-2508',
  'mistralai/devstral-latest': 'mistralai/devstral-2512',
  'mistralai/devstral-medium-latest': 'mistralai/devstral-2512',
  'mistralai/ministral-3b-latest': 'mistralai/ministral-3b-2512',
  'mistralai/ministral-8b-latest': 'mistralai/ministral-8b-2512',
  'mistralai/mistral-large-latest': 'mistralai/mistral-large-2512',
  'mistralai/mistral-medium-latest': 'mistralai/mistral-medium-3-5',
  'mistralai/mistral-small-latest': 'mistralai/mistral-small-2603',
  'mistralai/voxtral-small-latest': 'mistralai/voxtral-small-24b-2507',
}

/** What is neither a chat nor an embedding model: other routes, other units of price. */
export const OTHER_KINDS =
  /(^|\/|-)(esm2|esmfold|bevformer|sparsedrive|streampetr|usd(code|validate)|studiovoice|synthetic-video|cosmos-(predict|transfer)|gliner|riva|nemotron-voicechat|magpie|active-speaker|google-paligemma|flux|stable|whisper|veo|lyria|orpheus|imagine)|-(image|tts|live|asr|ocr|sonic|realtime|transcribe|livetranslate)(-|\d|$)|image-|(qwen|gemini).*-omni|^(m2m100|@cf\/(huggingface|ai4bharat|baai\/bge-reranker))|rerank|ocr|^(moderation|auto|computer-use|mai-|deep-research|stepaudio|step-tts|gemini-robotics|composer)|diffusiongemma|fimbulvetr|distilbert/
