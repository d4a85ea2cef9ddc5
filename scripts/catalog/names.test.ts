import { describe, expect, test } from 'vitest'
import { createNormaliser, spelling } from './names.ts'

const nameOf = createNormaliser([
  'meta-llama/llama-3.3-70b-instruct',
  'meta-llama/llama-3.1-8b-instruct',
  'meta-llama/llama-4-maverick',
  'anthropic/claude-opus-4.5',
  'anthropic/claude-haiku-4.5',
  'openai/gpt-4o',
  'openai/gpt-4o-2024-11-20',
  'openai/gpt-4-turbo',
  'openai/gpt-oss-120b',
  'deepseek/deepseek-chat',
  'deepseek/deepseek-chat-v3.1',
  'deepseek/deepseek-v4-flash',
  'deepseek/deepseek-v4-flash-0731',
  'qwen/qwen3-coder',
  'qwen/qwen3-235b-a22b',
  'qwen/qwen3-235b-a22b-2507',
  'qwen/qwen-2.5-72b-instruct',
  'moonshotai/kimi-k2.6',
  'moonshotai/kimi-k3',
  'z-ai/glm-5.2',
  'z-ai/glm-5-turbo',
  'mistralai/mistral-medium-3.1',
  'xiaomi/mimo-v2.6-pro-ultraspeed',
])

describe('one model has one name at every host', () => {
  test.each([
    ['groq', 'llama-3.3-70b-versatile'],
    ['together', 'meta-llama/Llama-3.3-70B-Instruct-Turbo'],
    ['together', 'meta-llama/Meta-Llama-3.3-70B-Instruct-Turbo'],
    ['fireworks', 'accounts/fireworks/models/llama-v3p3-70b-instruct'],
    ['deepinfra', 'meta-llama/Llama-3.3-70B-Instruct'],
    ['cerebras', 'llama-3.3-70b'],
    ['ovhcloud', 'Meta-Llama-3_3-70B-Instruct'],
    ['sambanova', 'Meta-Llama-3.3-70B-Instruct'],
    ['cloudflare', '@cf/meta/llama-3.3-70b-instruct-fp8-fast'],
    ['amazon-bedrock', 'us.meta.llama3-3-70b-instruct-v1:0'],
    ['nvidia', 'meta/llama-3.3-70b-instruct'],
  ])('%s calls Llama 3.3 70B %s', (provider, id) => {
    expect(nameOf(provider, id).model).toBe('meta-llama/llama-3.3-70b-instruct')
  })

  test.each([
    ['anthropic', 'claude-opus-4-5-20251101', 'anthropic/claude-opus-4.5'],
    ['amazon-bedrock', 'eu.anthropic.claude-haiku-4-5-20251001-v1:0', 'anthropic/claude-haiku-4.5'],
    ['amazon-bedrock', 'openai.gpt-oss-120b-1:0', 'openai/gpt-oss-120b'],
    ['amazon-bedrock', 'deepseek.v3-v1:0', 'deepseek/deepseek-chat-v3.1'],
    ['groq', 'llama-3.1-8b-instant', 'meta-llama/llama-3.1-8b-instruct'],
    ['novita', 'meta-llama/llama-4-maverick-17b-128e-instruct-fp8', 'meta-llama/llama-4-maverick'],
    ['huggingface', 'deepseek-ai/DeepSeek-V3', 'deepseek/deepseek-chat'],
    ['huggingface', 'Qwen/Qwen3-235B-A22B-Instruct-2507', 'qwen/qwen3-235b-a22b-2507'],
    ['siliconflow', 'Qwen/Qwen2.5-72B-Instruct', 'qwen/qwen-2.5-72b-instruct'],
    ['hyperbolic', 'Qwen/Qwen3-Coder-480B-A35B-Instruct', 'qwen/qwen3-coder'],
    ['mistral', 'zai-glm-5-2', 'z-ai/glm-5.2'],
    ['mistral', 'mistral-medium-2508', 'mistralai/mistral-medium-3.1'],
    ['unheard', 'somebody/New-Model-7B', 'somebody/new-model-7b'],
  ])('%s %s is %s', (provider, id, model) => {
    expect(nameOf(provider, id).model).toBe(model)
  })
})

describe('different models stay different', () => {
  test.each([
    ['openai', 'gpt-4o', 'gpt-4o-2024-11-20'],
    ['deepinfra', 'deepseek-ai/DeepSeek-V4-Flash', 'deepseek-ai/DeepSeek-V4-Flash-0731'],
    ['huggingface', 'Qwen/Qwen3-235B-A22B', 'Qwen/Qwen3-235B-A22B-Instruct-2507'],
    ['huggingface', 'Qwen/Qwen3-235B-A22B-Instruct-2507', 'Qwen/Qwen3-235B-A22B-Thinking-2507'],
    ['nscale', 'deepseek-ai/DeepSeek-R1-Distill-Qwen-1.5B', 'deepseek-ai/DeepSeek-R1-Distill-Qwen-15B'],
    ['together', 'mistralai/Mixtral-8x7B-v0.1', 'mistralai/Mixtral-8x7B-Instruct-v0.1'],
    ['z-ai', 'glm-5', 'glm-5-turbo'],
    ['openai', 'gpt-4', 'gpt-4-turbo'],
  ])('%s: %s is not %s', (provider, one, other) => {
    expect(nameOf(provider, one).model).not.toBe(nameOf(provider, other).model)
  })
})

describe('what is not part of the name becomes the tag', () => {
  test.each([
    ['together', 'meta-llama/Llama-3.3-70B-Instruct-Turbo', 'turbo', 'unknown'],
    ['doubleword', 'zai-org/GLM-5.2-FP8', null, 'fp8'],
    ['modal', 'thinkingmachines/Inkling-NVFP4', null, 'fp4'],
    ['cloudflare', '@cf/meta/llama-3.3-70b-instruct-fp8-fast', 'fast', 'fp8'],
    ['fireworks', 'accounts/fireworks/routers/kimi-k3-spot', 'spot', 'unknown'],
    ['amazon-bedrock', 'eu.anthropic.claude-haiku-4-5-20251001-v1:0', 'eu', 'unknown'],
    ['openai', 'gpt-4-turbo', null, 'unknown'],
    ['xiaomi', 'mimo-v2.6-pro-ultraspeed', null, 'unknown'],
  ])('%s %s has suffix %s and quantization %s', (provider, id, suffix, quantization) => {
    expect(nameOf(provider, id)).toMatchObject({ suffix, quantization })
  })
})

test('spellings meet where only case and separators differ, not where figures do', () => {
  expect(spelling('Claude-Opus-4.5')).toBe(spelling('claude-opus-4-5'))
  expect(spelling('Qwen2.5-7B')).toBe(spelling('qwen-2-5-7b'))
  expect(spelling('qwen3-1.7b')).not.toBe(spelling('qwen3-17b'))
})
