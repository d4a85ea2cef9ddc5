import { describe, expect, test } from 'vitest'
import { createCatalog } from './create.ts'
import { loadSeed } from './seed.ts'

const seed = loadSeed()
const { models, endpoints } = seed
/** Resells others: not among providers and endpoints that are counted. */
const AGGREGATORS = ['openrouter']
const direct = endpoints.filter(({ providerId }) => !AGGREGATORS.includes(providerId))

describe('the seed', () => {
  test('has at least 300 models, 30 providers and 600 endpoints that no aggregator lends', () => {
    expect(new Set(direct.map(({ modelId }) => modelId)).size).toBeGreaterThanOrEqual(300)
    expect(new Set(direct.map(({ providerId }) => providerId)).size).toBeGreaterThanOrEqual(30)
    expect(direct.length).toBeGreaterThanOrEqual(600)
    expect(direct.filter(({ tariff }) => tariff !== null).length).toBeGreaterThanOrEqual(600)
  })

  test('names every model author/name, each with an endpoint and a context', () => {
    const served = new Set(endpoints.map(({ modelId }) => modelId))
    for (const model of models) {
      expect(model.id).toMatch(/^[a-z0-9-]+\/[a-z0-9._-]+(:free)?$/)
      expect(model.id).not.toMatch(/^unknown\//)
      expect(served.has(model.id), model.id).toBe(true)
      expect(model.contextLength, model.id).toBeGreaterThan(0)
      expect(model.name.trim()).toBe(model.name)
    }
  })

  test('prices in positive integers; zero only for output of embeddings and for :free', () => {
    for (const { id, tariff, outputModalities } of endpoints) {
      if (tariff === null || id.includes(':free@')) continue
      expect(tariff.prompt > 0n, id).toBe(true)
      expect(tariff.completion > 0n || outputModalities[0] === 'embeddings', id).toBe(true)
      const kinds = [tariff.cacheRead, tariff.cacheWrite, tariff.cacheWrite1h, tariff.reasoning]
      for (const price of kinds) if (price !== null) expect(price > 0n, id).toBe(true)
      expect(tariff.request >= 0n, id).toBe(true)
      for (const tier of tariff.tiers) {
        expect(tier.minPromptTokens, id).toBeGreaterThan(0)
        expect(tier.prompt === undefined || tier.prompt > 0n, id).toBe(true)
      }
      expect(tariff.tiers.map((tier) => tier.minPromptTokens)).toEqual(
        [...tariff.tiers.map((tier) => tier.minPromptTokens)].sort((a, b) => a - b),
      )
    }
  })

  test('has a tariff version of its own for every priced endpoint', () => {
    const versions = endpoints.flatMap(({ tariff }) => (tariff ? [tariff.version] : []))
    expect(new Set(versions).size).toBe(versions.length)
  })

  test('says for every group of facts where it comes from and as of when', () => {
    for (const endpoint of endpoints) {
      const { price, limits, modalities, parameters } = endpoint.provenance ?? {}
      expect(price !== null, endpoint.id).toBe(endpoint.tariff !== null)
      for (const source of [limits, modalities, parameters]) {
        expect(source?.asOf, endpoint.id).toMatch(/^20\d\d-\d\d-\d\d$/)
      }
    }
    for (const { id, created, knowledgeCutoff, provenance } of models) {
      expect(provenance?.release !== null, id).toBe(created > 0)
      expect(provenance?.cutoff !== null, id).toBe(knowledgeCutoff !== null)
      expect(provenance?.limits, id).toBeTruthy()
      expect(provenance?.modalities, id).toBeTruthy()
    }
  })

  test('brings the hosts of an open model together', () => {
    const hosts = (id: string) =>
      new Set(direct.filter(({ modelId }) => modelId === id).map((e) => e.providerId))
    expect(hosts('meta-llama/llama-3.3-70b-instruct').size).toBeGreaterThanOrEqual(10)
    expect(hosts('openai/gpt-oss-120b').size).toBeGreaterThanOrEqual(12)
    expect(hosts('moonshotai/kimi-k3').size).toBeGreaterThanOrEqual(8)
    expect([...hosts('anthropic/claude-opus-4.5')]).toEqual(
      expect.arrayContaining(['anthropic', 'amazon-bedrock']),
    )
  })

  test('knows Claude in the clouds by the format that each cloud has for it', () => {
    const dialects = (providerId: string, maker: string) =>
      new Set(
        direct
          .filter((e) => e.providerId === providerId && e.modelId.startsWith(maker))
          .map(({ dialect }) => dialect),
      )
    expect([...dialects('amazon-bedrock', 'anthropic/')]).toEqual(['bedrock-invoke'])
    expect([...dialects('amazon-bedrock', 'amazon/')]).toEqual(['bedrock-converse'])
    expect([...dialects('google-vertex', 'anthropic/')]).toEqual(['vertex-messages'])
    expect([...dialects('google-vertex', 'google/')]).toEqual(['gemini'])
  })

  test('keeps quantization and service tiers in the tag', () => {
    for (const { tag, quantization, providerId } of endpoints) {
      expect(tag === providerId || tag.startsWith(`${providerId}/`)).toBe(true)
      if (quantization !== 'unknown') expect(tag.endsWith(quantization), tag).toBe(true)
    }
  })

  test('makes a catalog in which every id and every bare upstream name of a maker resolves', () => {
    const catalog = createCatalog(seed, seed.version)
    for (const { id } of models) expect(catalog.resolve(id)?.model.id).toBe(id)
    expect(catalog.resolve('gpt-5.1')?.model.id).toBe('openai/gpt-5.1')
    expect(catalog.resolve('claude-haiku-4-5-20251001')?.model.id).toBe('anthropic/claude-haiku-4.5')
    expect(catalog.resolve('meta-llama/Llama-3.3-70B-Instruct')?.model.id).toBe(
      'meta-llama/llama-3.3-70b-instruct',
    )
    expect(catalog.resolve('mistralai/mistral-large-latest')?.model.id).toBe('mistralai/mistral-large-2512')
  })
})
