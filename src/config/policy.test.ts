import { describe, expect, test } from 'vitest'
import { loadConfig } from './index.ts'

function load(text: string, env: Record<string, string> = {}) {
  const paths = { cwd: '/srv', home: '/home/me', root: '/opt' }
  return loadConfig({ text, fileName: 'waybill.yaml', env, flags: {}, paths })
}

function policyOf(text: string, env: Record<string, string> = {}) {
  const result = load(text, env)
  if (!result.ok) throw new Error(result.errors.map(({ message }) => message).join('\n'))
  return result.config.policy
}

function complaints(text: string): string[] {
  const result = load(text)
  return result.ok ? [] : result.errors.map(({ where, message }) => `${where}: ${message}`)
}

describe('policy', () => {
  test('limits nothing by default', () => {
    expect(policyOf('')).toEqual({
      allowedModels: null,
      allowedProviders: null,
      ignoredProviders: null,
      dataCollection: 'allow',
      zdr: false,
    })
  })

  test('holds lists as they are meant: slugs in their usual spelling, own providers among them', () => {
    const text = `policy:
  allowed_models: [anthropic/*, openai/gpt-5.1:free, ~google/gemini-pro-latest]
  allowed_providers: [Bedrock/us-east-1, house]
  ignored_providers: [simulator]
  data_collection: deny
  zdr: true
providers:
  house: { dialect: openai-chat, base_url: "http://127.0.0.1:1/v1" }
`
    expect(policyOf(text)).toEqual({
      allowedModels: ['anthropic/*', 'openai/gpt-5.1:free', '~google/gemini-pro-latest'],
      allowedProviders: ['amazon-bedrock/us-east-1', 'house'],
      ignoredProviders: ['simulator'],
      dataCollection: 'deny',
      zdr: true,
    })
  })

  test('may come from the environment', () => {
    const env = { WAYBILL_POLICY_ALLOWED_MODELS: 'anthropic/*, openai/gpt-5.1', WAYBILL_POLICY_ZDR: 'true' }
    expect(policyOf('', env)).toMatchObject({ allowedModels: ['anthropic/*', 'openai/gpt-5.1'], zdr: true })
  })

  test.each([
    ['policy:\n  allowed_providers: [anthropc]\n', 'waybill.yaml:2:23', 'Did you mean `anthropic`?'],
    ['policy:\n  ignored_providers: [own]\n', 'waybill.yaml:2:23', '`own` is no known provider'],
    ['policy:\n  allowed_models: [one]\n', 'waybill.yaml:2:20', 'author/*'],
    ['policy:\n  allowed_models: ["*"]\n', 'waybill.yaml:2:20', 'author/*'],
    ['policy:\n  allowed_models: []\n', 'waybill.yaml:2:19', 'at least one'],
    ['policy:\n  data_collection: maybe\n', 'waybill.yaml:2:20', 'allow, deny'],
    ['policy:\n  zdr: often\n', 'waybill.yaml:2:8', 'true or false'],
    ['policy:\n  alowed_models: [a/b]\n', 'waybill.yaml:2:3', 'allowed_models'],
  ])('%j is refused at %s', (text, where, words) => {
    const [problem = ''] = complaints(text)
    expect(problem).toContain(`${where}:`)
    expect(problem).toContain(words)
  })
})
