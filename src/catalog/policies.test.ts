import { describe, expect, test } from 'vitest'
import { findProvider, providers } from '../providers/index.ts'
import { dataPolicyOf } from './data-policy.ts'
import { distillableOf } from './license.ts'
import { loadSeed } from './seed.ts'

describe('data policies', () => {
  test('stand for known providers, with a page and the day it was read', () => {
    const known = [...providers].filter(({ id }) => dataPolicyOf(id, 'acme/one') !== undefined)
    expect(known.length).toBeGreaterThanOrEqual(14)
    for (const { id } of known) {
      const { source, asOf } = dataPolicyOf(id, 'acme/one')!
      expect(source, id).toMatch(/^https:\/\//)
      expect(asOf, id).toMatch(/^20\d\d-\d\d-\d\d$/)
    }
  })

  test('one that promises not to keep prompts does not train on them either', () => {
    for (const { id } of providers) {
      const policy = dataPolicyOf(id, 'acme/one')
      if (policy?.retains === false) expect(policy.trains, id).toBe(false)
    }
  })

  test('of a provider that hands a model on to its maker are not known', () => {
    expect(dataPolicyOf('deepinfra', 'meta-llama/llama-4-scout')?.retains).toBe(false)
    expect(dataPolicyOf('deepinfra', 'anthropic/claude-opus-4.5')).toBeUndefined()
    expect(dataPolicyOf('nobody', 'acme/one')).toBeUndefined()
    expect(findProvider('nobody')).toBeUndefined()
  })
})

describe('licenses', () => {
  test.each([
    ['openai/gpt-oss-120b', true],
    ['openai/gpt-5.1', false],
    ['meta-llama/llama-3-70b-instruct', false],
    ['meta-llama/llama-3.3-70b-instruct', true],
    ['meta-llama/llama-4-scout', true],
    ['qwen/qwen3-235b-a22b', true],
    ['qwen/qwen3-max', null],
    ['deepseek/deepseek-r1', true],
    ['deepseek/deepseek-r1-distill-llama-70b', null],
    ['mistralai/mistral-large-2512', null],
    ['acme/one', null],
  ])('%s: %s', (id, allows) => {
    expect(distillableOf(id)).toBe(allows)
  })

  test('leave something to choose from in the seed', () => {
    expect(loadSeed().models.filter(({ distillable }) => distillable === true).length).toBeGreaterThan(80)
  })
})
