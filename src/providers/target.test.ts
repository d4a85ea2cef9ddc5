import { describe, expect, test } from 'vitest'
import { Secret } from '../lib/index.ts'
import { completeBaseUrl, parseBaseUrl } from './address.ts'
import type { PathVariables } from './provider.ts'
import { dialectOf, findProvider, ownProvider } from './registry.ts'
import { type Credential, type ProviderSettings, resolveAddress } from './settings.ts'
import { resolveTarget, upstreamIdOf } from './target.ts'

const KEY = key('sk-1')

function key(value: string): Credential {
  return { id: 'x/file:1', source: 'file', kind: 'key', secret: new Secret(value), parts: {} }
}

function settingsOf(
  name: string,
  change: Partial<ProviderSettings> & { baseUrl?: string } = {},
): ProviderSettings {
  const definition = change.definition ?? findProvider(name)!
  const fallbacks = Object.entries(definition.variables).map(([k, v]) => [k, v.fallback])
  const variables: PathVariables = { ...Object.fromEntries(fallbacks), ...change.variables }
  const address = resolveAddress(definition, variables, change.baseUrl ?? null)
  if ('message' in address) throw new Error(address.message)
  const ownAddress = change.baseUrl !== undefined
  const base = { definition, credentials: [KEY], keyless: false, headers: [], deployments: {} }
  return { ...base, address, ownAddress, ...change, variables }
}

function url(
  settings: ProviderSettings,
  path: string,
  upstreamId = 'm',
  credential: Credential | null = KEY,
) {
  const target = resolveTarget(settings, credential, { modelId: 'a/m', upstreamId, path, headers: [] })
  const pairs = target.headers.flatMap((h, i) => (i % 2 === 0 ? [`${h}: ${target.headers[i + 1]}`] : []))
  return [target.origin + target.path, ...pairs]
}

describe('the target of a call', () => {
  test('is base URL plus path, with the key as bearer', () => {
    expect(url(settingsOf('groq'), '/chat/completions')).toEqual([
      'https://api.groq.com/openai/v1/chat/completions',
      'authorization: Bearer sk-1',
    ])
  })

  test('carries the key in the header that the provider reads', () => {
    expect(url(settingsOf('anthropic'), '/v1/messages')).toEqual([
      'https://api.anthropic.com/v1/messages',
      'x-api-key: sk-1',
    ])
    expect(url(settingsOf('gemini'), '/v1beta/models/g:generateContent')[1]).toBe('x-goog-api-key: sk-1')
    expect(url(settingsOf('bedrock'), '/model/m/converse')).toEqual([
      'https://bedrock-runtime.us-east-1.amazonaws.com/model/m/converse',
      'authorization: Bearer sk-1',
    ])
  })

  test.each([
    'http://127.0.0.1:9001',
    'http://127.0.0.1:9001/',
    'http://127.0.0.1:9001/v1',
    'http://127.0.0.1:9001/v1/',
  ])('tolerates %s as the base of Anthropic, and marks the replaced address against loops', (baseUrl) => {
    expect(url(settingsOf('anthropic', { baseUrl }), '/v1/messages')).toEqual([
      'http://127.0.0.1:9001/v1/messages',
      'x-api-key: sk-1',
      'x-waybill-hop: 1',
    ])
  })

  test('tolerates a version at the end of a Gemini base', () => {
    const settings = settingsOf('gemini', { baseUrl: 'http://h/v1beta' })
    expect(url(settings, '/v1beta/models/g:generateContent')[0]).toBe(
      'http://h/v1beta/models/g:generateContent',
    )
  })

  test('asks Azure by its first undated version, whatever part of the address is given', () => {
    for (const baseUrl of ['https://x.openai.azure.com', 'https://x.openai.azure.com/openai/']) {
      expect(url(settingsOf('azure', { baseUrl }), '/chat/completions', 'gpt')).toEqual([
        'https://x.openai.azure.com/openai/v1/chat/completions',
        'api-key: sk-1',
        'x-waybill-hop: 1',
      ])
    }
    const resource = settingsOf('azure', { variables: { resource: 'x' } })
    expect(url(resource, '/responses')[0]).toBe('https://x.openai.azure.com/openai/v1/responses')
    expect(url(resource, '/models')[0]).toBe('https://x.openai.azure.com/openai/v1/models')
    const preview = { ...resource, variables: { resource: 'x', apiVersion: 'preview' } }
    expect(url(preview, '/embeddings')[0]).toMatch(/\/openai\/v1\/embeddings\?api-version=preview$/)
  })

  test('names the Azure deployment in the path where the version has a date', () => {
    const settings = settingsOf('azure', {
      baseUrl: 'https://x.openai.azure.com',
      deployments: { 'a/m': 'my deployment' },
      variables: { apiVersion: '2025-04-01-preview' },
    })
    expect(url(settings, '/chat/completions', 'gpt')[0]).toBe(
      'https://x.openai.azure.com/openai/deployments/my%20deployment/chat/completions?api-version=2025-04-01-preview',
    )
    expect(url(settings, '/responses')[0]).toMatch(
      /\.com\/openai\/responses\?api-version=2025-04-01-preview$/,
    )
    expect(url(settings, '/models')[0]).toMatch(/\.com\/openai\/models\?api-version=2025-04-01-preview$/)
  })

  test.each([
    ['https://x.services.ai.azure.com/models', '/models/chat/completions?api-version=2024-05-01-preview'],
    [
      'https://x.openai.azure.com/openai/deployments/mine',
      '/openai/deployments/mine/chat/completions?api-version=2025-04-01-preview',
    ],
    [
      'https://x.services.ai.azure.com/api/projects/p/openai/v1',
      '/api/projects/p/openai/v1/chat/completions',
    ],
    ['https://gateway.example/team', '/team/openai/v1/chat/completions'],
  ])('takes the Azure address %s as it is meant', (baseUrl, path) => {
    expect(new URL(url(settingsOf('azure', { baseUrl }), '/chat/completions', 'm')[0]!).href).toBe(
      new URL(path, baseUrl).href,
    )
  })

  test('uses plain paths on an Azure base that ends in a version', () => {
    const settings = settingsOf('azure', { baseUrl: 'https://x.openai.azure.com/openai/v1/' })
    expect(url(settings, '/chat/completions')[0]).toBe(
      'https://x.openai.azure.com/openai/v1/chat/completions',
    )
  })

  test('finds the deployment by catalog id or by the name at the provider', () => {
    const endpoint = { modelId: 'openai/gpt', upstreamId: 'gpt' }
    expect(upstreamIdOf(settingsOf('groq'), endpoint)).toBe('gpt')
    expect(upstreamIdOf(settingsOf('groq', { deployments: { gpt: 'b' } }), endpoint)).toBe('b')
    expect(upstreamIdOf(settingsOf('groq', { deployments: { 'openai/gpt': 'c' } }), endpoint)).toBe('c')
    expect(upstreamIdOf(settingsOf('groq'), { modelId: 'toString', upstreamId: 'x' })).toBe('x')
  })

  test('puts Vertex models below project and region', () => {
    const path = '/v1beta/models/gemini-2.5-pro:generateContent'
    expect(url(settingsOf('vertex', { variables: { project: 'p' } }), path)).toEqual([
      'https://aiplatform.googleapis.com/v1beta1/projects/p/locations/global/publishers/google/models/gemini-2.5-pro:generateContent',
      'x-goog-api-key: sk-1',
    ])
    const settings = settingsOf('vertex', { variables: { project: 'p', region: 'europe-west4' } })
    expect(url(settings, path)[0]).toMatch(/^https:\/\/europe-west4-aiplatform.*locations\/europe-west4/)
  })

  test('puts partners of Vertex there too, at the version that they have', () => {
    const path = '/v1/publishers/anthropic/models/claude-haiku-4-5@20251001:rawPredict'
    const settings = settingsOf('vertex', { variables: { project: 'p', region: 'eu' } })
    expect(url(settings, path)[0]).toBe(
      'https://aiplatform.eu.rep.googleapis.com/v1/projects/p/locations/eu/publishers/anthropic/models/claude-haiku-4-5@20251001:rawPredict',
    )
  })

  test.each([
    ['bedrock', 'anthropic.claude-sonnet-4-6', 'bedrock-invoke'],
    ['bedrock', 'eu.anthropic.claude-haiku-4-5-20251001-v1:0', 'bedrock-invoke'],
    [
      'bedrock',
      'arn:aws:bedrock:us-east-1:1:inference-profile/us.anthropic.claude-opus-4-6-v1',
      'bedrock-invoke',
    ],
    ['bedrock', 'anthropic.claude-v2:1', 'bedrock-converse'],
    ['bedrock', 'amazon.nova-pro-v1:0', 'bedrock-converse'],
    ['bedrock', 'arn:aws:bedrock:us-east-1:1:application-inference-profile/abc', 'bedrock-converse'],
    ['vertex', 'claude-sonnet-4-6', 'vertex-messages'],
    ['vertex', 'gemini-3-pro', 'gemini'],
    ['groq', 'claude-x', 'openai-chat'],
  ])('speaks the format of the model: at %s %s by %s', (provider, upstreamId, dialect) => {
    expect(dialectOf(findProvider(provider)!, upstreamId)).toBe(dialect)
  })

  test.each([
    ['eu-central-1', 'anthropic.claude-sonnet-4-6', 'eu.anthropic.claude-sonnet-4-6'],
    ['us-east-1', 'anthropic.claude-opus-4-1-20250805-v1:0', 'us.anthropic.claude-opus-4-1-20250805-v1:0'],
    [
      'us-gov-west-1',
      'anthropic.claude-sonnet-4-5-20250929-v1:0',
      'us-gov.anthropic.claude-sonnet-4-5-20250929-v1:0',
    ],
    ['ap-northeast-1', 'anthropic.claude-haiku-5-5', 'jp.anthropic.claude-haiku-5-5'],
    ['ap-southeast-2', 'amazon.nova-lite-v1:0', 'apac.amazon.nova-lite-v1:0'],
    ['ap-south-1', 'anthropic.claude-sonnet-4-20250514-v1:0', 'apac.anthropic.claude-sonnet-4-20250514-v1:0'],
    ['ap-south-1', 'anthropic.claude-sonnet-4-6', 'global.anthropic.claude-sonnet-4-6'],
    ['eu-west-1', 'meta.llama3-3-70b-instruct-v1:0', 'meta.llama3-3-70b-instruct-v1:0'],
    ['us-east-1', 'openai.gpt-oss-120b-1:0', 'openai.gpt-oss-120b-1:0'],
    ['us-east-1', 'anthropic.claude-3-haiku-20240307-v1:0', 'anthropic.claude-3-haiku-20240307-v1:0'],
    ['us-east-1', 'global.anthropic.claude-sonnet-4-6', 'global.anthropic.claude-sonnet-4-6'],
  ])('calls Bedrock in %s for %s as %s', (region, upstreamId, called) => {
    const settings = settingsOf('bedrock', { variables: { region } })
    const [address] = url(settings, `/model/${encodeURIComponent(upstreamId)}/converse`, upstreamId)
    expect(decodeURIComponent(address!)).toBe(
      `https://bedrock-runtime.${region}.amazonaws.com/model/${called}/converse`,
    )
  })

  test('counts tokens on Bedrock by the model itself, which profiles do not', () => {
    const settings = settingsOf('bedrock', { variables: { region: 'eu-west-1' } })
    const path = '/model/anthropic.claude-sonnet-4-6/count-tokens'
    expect(url(settings, path, 'anthropic.claude-sonnet-4-6')[0]).toBe(
      `https://bedrock-runtime.eu-west-1.amazonaws.com${path}`,
    )
  })

  test('takes the region that has an address of its own', () => {
    const settings = settingsOf('moonshot', { variables: { region: 'cn' } })
    expect(url(settings, '/chat/completions')[0]).toBe('https://api.moonshot.cn/v1/chat/completions')
  })

  test('sends the headers of the operator, which win over ours', () => {
    const headers = [
      ['x-team', new Secret('blue')],
      ['authorization', new Secret('Basic abc')],
    ] as const
    const target = resolveTarget(settingsOf('groq', { headers }), KEY, {
      modelId: 'a/m',
      upstreamId: 'm',
      path: '/x',
      headers: [['Content-Type', 'application/json']],
    })
    expect(target.headers).toEqual([
      'content-type',
      'application/json',
      'x-team',
      'blue',
      'authorization',
      'Basic abc',
    ])
  })

  test('needs no key on a server of one’s own', () => {
    const definition = ownProvider('my-vllm', 'openai-chat', 'http://127.0.0.1:9002/v1')
    const settings = settingsOf('', { definition, baseUrl: definition.baseUrl })
    expect(url(settings, '/chat/completions', 'm', null)).toEqual([
      'http://127.0.0.1:9002/v1/chat/completions',
      'x-waybill-hop: 1',
    ])
  })

  test('refuses a key of our own, without repeating it', () => {
    const own = key('sk-wb-v1-abc')
    expect(() => url(settingsOf('groq'), '/x', 'm', own)).toThrow(
      expect.objectContaining({ code: 'loop_detected', message: expect.not.stringContaining('abc') }),
    )
  })

  test('refuses to send a credential that must sign', () => {
    const aws = { ...KEY, kind: 'aws' as const }
    expect(() => url(settingsOf('bedrock'), '/x', 'm', aws)).toThrow(
      expect.objectContaining({ code: 'provider_auth' }),
    )
  })
})

describe('an address', () => {
  test.each([
    ['azure', {}, ['resource']],
    ['vertex', { region: 'global' }, ['project']],
    ['cloudflare', {}, ['account']],
  ])('of %s is refused while a variable has no value', (name, variables, missing) => {
    expect(resolveAddress(findProvider(name)!, variables, null)).toMatchObject({ missing })
  })

  test('of Cloudflare needs no account when the base URL is given', () => {
    const address = resolveAddress(findProvider('cloudflare')!, {}, 'http://127.0.0.1:1/v1')
    expect(address).toEqual({ origin: 'http://127.0.0.1:1', basePath: '/v1' })
  })

  test.each([
    ['ftp://x', 'https://'],
    ['nonsense', 'complete address'],
    ['https://user:pw@host/v1', 'user name or password'],
    ['https://host/v1?key=1', 'query'],
  ])('%s is refused by a sentence that does not repeat it', (text, reason) => {
    const refusal = parseBaseUrl(text)
    expect(refusal).toContain(reason)
    expect(refusal).not.toContain('pw')
  })

  test.each([
    ['ollama', '0.0.0.0', 'http://127.0.0.1:11434/v1'],
    ['ollama', '0.0.0.0:8080', 'http://127.0.0.1:8080/v1'],
    ['ollama', 'box.lan', 'http://box.lan:11434/v1'],
    ['ollama', 'https://ollama.example', 'https://ollama.example/v1'],
    ['ollama', 'http://gpu:11434/', 'http://gpu:11434/v1'],
    ['databricks', 'dbc-1.cloud.databricks.com', 'https://dbc-1.cloud.databricks.com/serving-endpoints'],
    ['azure', 'https://x.openai.azure.com/', 'https://x.openai.azure.com/'],
    ['ollama', ':::', ':::'],
  ])('of %s written as %s is completed', (name, value, full) => {
    expect(completeBaseUrl(findProvider(name)!, value)).toBe(full)
  })
})
