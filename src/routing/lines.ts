import type { Task } from './classify.ts'
import type { CostTier } from './plan.types.ts'

/**
 * Lines of general models, by how well they are thought of for their price, and lines that are made for one task. A
 * line's newest model stands for it, whatever it costs today decides its tier. Models outside these lines follow after
 * them, so that an installation with other models only is served too.
 */
export const LINES: readonly (readonly [line: string, task?: Task])[] = [
  ['openai/gpt-codex', 'code'],
  ['moonshotai/kimi-code', 'code'],
  ['mistralai/devstral', 'code'],
  ['qwen/qwen-coder-plus', 'code'],
  ['qwen/qwen-coder-next', 'code'],
  ['qwen/qwen-coder', 'code'],
  ['mistralai/codestral', 'code'],
  ['anthropic/claude-fable'],
  ['anthropic/claude-opus'],
  ['openai/gpt-astra'],
  ['openai/gpt'],
  ['anthropic/claude-sonnet'],
  ['openai/gpt-sol'],
  ['google/gemini-argon'],
  ['google/gemini-pro'],
  ['x-ai/grok'],
  ['moonshotai/kimi'],
  ['mistralai/mistral-medium'],
  ['google/gemini-flash'],
  ['openai/gpt-terra'],
  ['z-ai/glm'],
  ['openai/gpt-mini'],
  ['deepseek/deepseek-pro'],
  ['mistralai/mistral-large'],
  ['amazon/nova-pro'],
  ['anthropic/claude-haiku'],
  ['openai/gpt-luna'],
  ['google/gemini-flash-lite'],
  ['deepseek/deepseek-flash'],
  ['z-ai/glm-flash'],
  ['openai/gpt-nano'],
  ['minimax/minimax'],
  ['qwen/qwen-plus'],
  ['mistralai/mistral-small'],
  ['xiaomi/mimo-flash'],
  ['openai/gpt-oss-120b'],
  ['meta-llama/llama-70b-instruct'],
  ['amazon/nova-lite'],
]

/** Dearest comparable price of each tier, $/M tokens as pUSD per token. */
export const CEILINGS: Readonly<Record<CostTier, bigint | null>> = {
  low: 600_000n,
  medium: 2_500_000n,
  high: 6_000_000n,
  xhigh: 12_000_000n,
  max: null,
}
/** From the cheapest. */
export const TIERS: readonly CostTier[] = ['low', 'medium', 'high', 'xhigh', 'max']

/** Models for another purpose than answering: never chosen for a request that did not name them. */
export const SPECIAL =
  /guard|safety|safeguard|moderation|embed|ocr|tts|audio|voxtral|search|research|computer-use|translate|-mt-|router|image|banana|cyber|character|prover|relace|morph|multi-agent|customtools|phone|vision-exp/
