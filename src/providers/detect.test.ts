import { describe, expect, test } from 'vitest'
import { detect, refuseKey } from './detect.ts'
import { listedModels } from './local.ts'
import { providers } from './registry.ts'

describe('detection', () => {
  test('finds every hosted provider by each of its variables', () => {
    const hosted = providers.filter((p) => !p.local)
    expect(hosted.length).toBeGreaterThanOrEqual(15)
    for (const provider of hosted) {
      for (const variable of provider.env) {
        const [found, ...rest] = detect({ [variable]: 'k-1' })
        expect(found).toMatchObject({ providerId: provider.id, variable, refused: null })
        expect(rest).toEqual([])
      }
    }
  })

  test('takes the first variable of a provider that is set', () => {
    const found = detect({ GOOGLE_API_KEY: 'b', GEMINI_API_KEY: 'a' })
    expect(found.map((d) => d.variable)).toEqual(['GEMINI_API_KEY'])
  })

  test('takes a blank variable as unset', () => {
    expect(detect({ OPENAI_API_KEY: '  ', GROQ_API_KEY: '' })).toEqual([])
  })

  test('never reads the base URL or token variables of clients', () => {
    const env = { OPENAI_BASE_URL: 'http://x', ANTHROPIC_BASE_URL: 'http://x', ANTHROPIC_AUTH_TOKEN: 'k' }
    expect(detect(env)).toEqual([])
  })

  test('refuses a key of our own and one that no header carries, without printing it', () => {
    const found = detect({ OPENAI_API_KEY: 'sk-wb-v1-secret', GROQ_API_KEY: 'two\nlines' })
    expect(found.map((d) => [d.providerId, d.refused !== null])).toEqual([
      ['groq', true],
      ['openai', true],
    ])
    expect(JSON.stringify(found)).not.toMatch(/secret|lines/)
    expect(refuseKey('x'.repeat(20_000), 'X')).toContain('longer')
  })

  test('finds AWS and Google credentials that sign', () => {
    expect(detect({ AWS_ACCESS_KEY_ID: 'A', AWS_SECRET_ACCESS_KEY: 'S' })).toMatchObject([
      { providerId: 'amazon-bedrock', kind: 'aws' },
    ])
    expect(detect({ AWS_ACCESS_KEY_ID: 'A' })).toEqual([])
    expect(detect({ GOOGLE_APPLICATION_CREDENTIALS: '/sa.json' })).toMatchObject([
      { providerId: 'google-vertex', kind: 'google' },
    ])
  })
})

describe('the list of a local server', () => {
  test('yields its model names once each', () => {
    expect(listedModels({ data: [{ id: 'llama3.2:3b' }, { id: 'llama3.2:3b' }, { id: 'qwen' }] })).toEqual([
      'llama3.2:3b',
      'qwen',
    ])
  })

  test.each([[null], [[]], ['x'], [{ data: 'x' }], [{ data: [null, 1, { id: 2 }, { id: 'a b' }] }]])(
    'yields nothing of %j',
    (body) => expect(listedModels(body)).toEqual([]),
  )

  test('is taken over to a limit', () => {
    const data = Array.from({ length: 5000 }, (_, i) => ({ id: `m${i}` }))
    expect(listedModels({ data })).toHaveLength(1000)
  })
})
