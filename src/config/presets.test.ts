import { describe, expect, test } from 'vitest'
import { loadConfig } from './load.ts'

const paths = { cwd: '/srv', home: '/home/me', root: '/opt' }
const load = (text: string) => loadConfig({ text, fileName: 'waybill.yaml', env: {}, flags: {}, paths })

function configured(text: string) {
  const result = load(text)
  if (!result.ok) throw new Error(JSON.stringify(result))
  return result.config
}

describe('presets of the file', () => {
  test('hold models, a system prompt and any setting of a request', () => {
    const text = [
      'presets:',
      '  code-review:',
      '    description: For reviews.',
      '    model: a/one',
      '    models: [b/two]',
      '    system_prompt: Be brief.',
      '    settings: { temperature: 0, provider: { sort: price, only: [x] } }',
      '  empty: {}',
    ].join('\n')
    expect(configured(text).presets).toEqual({
      'code-review': {
        description: 'For reviews.',
        systemPrompt: 'Be brief.',
        config: {
          model: 'a/one',
          models: ['b/two'],
          temperature: 0,
          provider: { sort: 'price', only: ['x'] },
        },
      },
      empty: { description: null, systemPrompt: null, config: {} },
    })
    expect(configured('').presets).toEqual({})
  })

  test.each([
    ['presets: { Big: { model: a/b } }', 'cannot name a preset'],
    ['presets: { a: { settings: { messages: [] } } }', 'is no setting of a preset'],
    ['presets: { a: { settings: { model: a/b } } }', 'put it beside `settings`'],
    ['presets: { a: { settings: 3 } }', 'a mapping of fields of a request'],
    ['presets: { a: { temprature: 3 } }', 'temprature'],
  ])('%s is an error', (text, said) => {
    const result = load(text)
    expect(result.ok).toBe(false)
    expect(JSON.stringify(result)).toContain(said)
  })
})

describe('data_policy of a provider', () => {
  const provider = (policy: string) => `providers: { groq: { api_key: k, data_policy: ${policy} } }`

  test('is what the operator says', () => {
    const { providers } = configured(provider('{ trains: false, retains: false }'))
    expect(providers[0]?.dataPolicy).toEqual({ trains: false, retains: false })
    expect(configured('providers: { groq: { api_key: k } }').providers[0]).not.toHaveProperty('dataPolicy')
  })

  test('is said whole', () => {
    expect(load(provider('{ trains: false }')).ok).toBe(false)
    expect(load(provider('yes')).ok).toBe(false)
  })
})
