import { readdirSync, readFileSync } from 'node:fs'
import { join } from 'node:path'
import { describe, expect, test } from 'vitest'
import { definitionIds, renderIndex } from '../../scripts/generate-providers.ts'
import { loadSeed } from '../catalog/index.ts'
import { parseBaseUrl } from './address.ts'
import { DIALECTS, findProvider, providerNames, providers } from './registry.ts'
import { requiredVariables } from './settings.ts'

const FOLDER = join(import.meta.dirname, 'definitions')
const QUIRKS = [
  'assistantPrefix',
  'cacheControl',
  'efforts',
  'extraBody',
  'noDeveloperRole',
  'noStreamOptions',
  'reasoning',
  'reasoningFormat',
  'rename',
  'replayReasoning',
  'embeddings',
  'unsupported',
]
const FACTS = [
  'about',
  'aliases',
  'dialects',
  'auth',
  'baseUrl',
  'baseUrlEnv',
  'cancelStopsBilling',
  'dialect',
  'env',
  'local',
  'path',
  'probe',
  'quirks',
  'regions',
  'statusPageUrl',
  'variables',
]

describe('the registry', () => {
  test('knows at least 36 providers, and 15 or more through environment variables', () => {
    expect(providers.length).toBeGreaterThanOrEqual(36)
    expect(providers.filter((p) => p.env.length > 0).length).toBeGreaterThanOrEqual(36)
  })

  test('is generated from the data files as they stand', () => {
    const index = readFileSync(join(import.meta.dirname, 'index.generated.ts'), 'utf8')
    expect(index, 'run `node scripts/generate-providers.ts`').toBe(renderIndex(definitionIds()))
  })

  test('knows every provider of the catalog, and the catalog its dialects', () => {
    for (const { id, providerId, providerName, dialect } of loadSeed().endpoints) {
      expect(findProvider(providerId), id).toMatchObject({ id: providerId, name: providerName })
      expect(DIALECTS, id).toContain(dialect)
    }
  })

  test('gives every name, id or alias, to one provider only', () => {
    const names = providers.flatMap((p) => [p.id, ...p.aliases])
    expect(new Set(names).size).toBe(names.length)
    expect(providerNames().sort()).toEqual([...names].sort())
  })

  test('gives every environment variable to one provider only', () => {
    const variables = providers.flatMap((p) => [...p.env, ...p.baseUrlEnv])
    const repeated = variables.filter((name, index) => variables.indexOf(name) !== index)
    expect(repeated).toEqual([])
  })

  test.each([
    ['bedrock', 'amazon-bedrock'],
    ['vertex', 'google-vertex'],
    ['gemini', 'google-ai-studio'],
    ['Azure', 'azure'],
    ['moonshot', 'moonshotai'],
    ['zai', 'z-ai'],
  ])('finds %s', (name, id) => {
    expect(findProvider(name)?.id).toBe(id)
  })

  test('does not find names of object prototypes', () => {
    expect(findProvider('constructor')).toBeUndefined()
    expect(findProvider('__proto__')).toBeUndefined()
  })
})

describe.each(providers.map((p) => [p.id, p] as const))('provider %s', (id, provider) => {
  const text = readFileSync(join(FOLDER, `${id}.ts`), 'utf8')

  test('is one data file of at most 15 lines, named after its id', () => {
    expect(readdirSync(FOLDER)).toContain(`${provider.id}.ts`)
    expect(id).toMatch(/^[a-z0-9]+(-[a-z0-9]+)*$/)
    expect(text.trimEnd().split('\n').length).toBeLessThanOrEqual(15)
  })

  test('holds nothing but known facts, by import of `define.ts` alone', () => {
    const keys = [...text.matchAll(/^ {2}(\w+):/gm)].map((match) => match[1]!)
    expect(FACTS).toEqual(expect.arrayContaining(keys))
    expect([...text.matchAll(/from '(.*)'/g)].map((match) => match[1])).toEqual(['../define.ts'])
  })

  test('is reached by https, or on this machine', () => {
    const urls = [provider.baseUrl, ...Object.values(provider.regions)]
    for (const url of urls) {
      const address = parseBaseUrl(url.replace(/\{\w+\}/g, 'x'))
      if (typeof address === 'string') throw new Error(address)
      expect(address.origin).toMatch(provider.local ? /^http:\/\/127\.0\.0\.1:\d+$/ : /^https:\/\//)
      expect(url.endsWith('/')).toBe(false)
    }
    for (const name of requiredVariables(provider, false)) {
      expect(['region', 'project', 'account', 'resource']).toContain(name)
    }
  })

  test('speaks a known dialect with known quirks', () => {
    expect(DIALECTS).toContain(provider.dialect)
    expect(QUIRKS).toEqual(expect.arrayContaining(Object.keys(provider.quirks)))
    const { unsupported = [], rename = {} } = provider.quirks
    for (const field of Object.keys(rename)) expect(unsupported).not.toContain(field)
    for (const field of ['model', 'messages', 'stream', 'max_tokens'])
      expect(unsupported).not.toContain(field)
  })

  test('has a variable for its key unless it is local, and a probe below its address', () => {
    if (!provider.local) expect(provider.env.length).toBeGreaterThan(0)
    for (const name of [...provider.env, ...provider.baseUrlEnv]) {
      expect(name).toMatch(/^[A-Z][A-Z0-9_]*$/)
      expect(name, 'clients set these; they may point here').not.toMatch(/_BASE_URL$/)
    }
    if (provider.probe !== null) expect(provider.probe).toMatch(/^\//)
  })

  test('has links that are complete', () => {
    for (const link of [
      provider.site,
      provider.privacyPolicyUrl,
      provider.termsOfServiceUrl,
      provider.statusPageUrl,
    ]) {
      if (link !== null) expect(new URL(link).protocol).toBe('https:')
    }
    if (provider.headquarters !== null) expect(provider.headquarters).toMatch(/^[A-Z]{2}$/)
  })
})
