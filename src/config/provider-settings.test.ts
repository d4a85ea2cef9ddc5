// biome-ignore-all lint/suspicious/noTemplateCurlyInString: the variables of configuration files are written like that
import { describe, expect, test } from 'vitest'
import { findProvider, resolveTarget } from '../providers/index.ts'
import { formatProblem, loadConfig, localServer, providerSettings } from './index.ts'

const PATHS = { cwd: '/srv', home: '/home/me', root: '/opt/waybill' }

function resolve(text: string, env: Record<string, string> = {}) {
  const result = loadConfig({ text, fileName: '/etc/waybill.yaml', env, flags: {}, paths: PATHS })
  if (!result.ok) throw new Error(result.errors.map(formatProblem).join('\n'))
  return providerSettings(result.config, env)
}

describe('the providers of an installation', () => {
  test('are those with a key in the environment', () => {
    const { settings, warnings } = resolve('', { OPENAI_API_KEY: 'a', GEMINI_API_KEY: 'b', UNRELATED: 'c' })
    expect([...settings.keys()].sort()).toEqual(['google-ai-studio', 'openai'])
    expect(settings.get('openai')).toMatchObject({
      credentials: [{ id: 'openai/env:OPENAI_API_KEY', source: 'env:OPENAI_API_KEY', kind: 'key' }],
      address: { origin: 'https://api.openai.com', basePath: '/v1' },
      ownAddress: false,
      keyless: false,
    })
    expect(warnings).toEqual([])
  })

  test('are not looked for when detection is off, but may be named', () => {
    const env = { OPENAI_API_KEY: 'a', GROQ_API_KEY: 'b' }
    const { settings } = resolve('detect: false\nproviders: { groq: {} }', env)
    expect([...settings.keys()]).toEqual(['groq'])
  })

  test('take the key of the file before that of the environment', () => {
    const text = 'providers: { openai: { api_keys: [x, y, x] }, groq: { api_key: "${MY_KEY}" } }'
    const { settings } = resolve(text, { OPENAI_API_KEY: 'a', MY_KEY: 'm' })
    const openai = settings.get('openai')!.credentials
    expect(openai.map((c) => [c.id, c.source, c.secret.reveal()])).toEqual([
      ['openai/file:1', 'file', 'x'],
      ['openai/file:2', 'file', 'y'],
    ])
    expect(settings.get('groq')!.credentials[0]).toMatchObject({
      id: 'groq/env:MY_KEY',
      source: 'env:MY_KEY',
    })
  })

  test('stay out when the file leaves them out or switches them off, whatever the environment holds', () => {
    const text = 'providers: { gemini: { api_key: "${NOT_SET}" }, openai: { enabled: false } }'
    const { settings, models } = resolve(text, { GEMINI_API_KEY: 'b', OPENAI_API_KEY: 'a' })
    expect([...settings.keys()]).toEqual([])
    expect(models).toEqual([])
  })

  test('say what they lack', () => {
    const text =
      'providers: { openai: {}, cloudflare: { api_key: k }, vertex: { credentials_file: ./sa.json } }'
    const env = {
      AZURE_OPENAI_API_KEY: 'k',
      MISTRAL_API_KEY: 'sk-wb-v1-x',
      OPENAI_BASE_URL: 'http://127.0.0.1',
    }
    expect(resolve(text, env).warnings).toEqual([
      'OpenAI has no key: set OPENAI_API_KEY, or api_key under providers.openai.',
      'Cloudflare is left out: its account is not known; set CLOUDFLARE_ACCOUNT_ID, or account or base_url under providers.cloudflare.',
      'Google Vertex is left out: its project is not known; set GOOGLE_CLOUD_PROJECT, or project under providers.google-vertex.',
      'Azure is left out: its resource is not known; set AZURE_OPENAI_ENDPOINT, or resource or base_url under providers.azure.',
      'Mistral is left out: MISTRAL_API_KEY holds a key of this gateway, not of the provider; calls would come back here.',
    ])
  })

  test('sign with what AWS and Google tools find', () => {
    const env = { AWS_ACCESS_KEY_ID: 'AK', AWS_SECRET_ACCESS_KEY: 'SK', AWS_SESSION_TOKEN: 'ST' }
    const text =
      'providers: { bedrock: { region: eu-central-1 }, vertex: { project: p, region: europe-west4, credentials_file: ./sa.json } }'
    const { settings } = resolve(text, env)
    const bedrock = settings.get('amazon-bedrock')!
    expect(bedrock.address.origin).toBe('https://bedrock-runtime.eu-central-1.amazonaws.com')
    const [aws] = bedrock.credentials
    expect([aws!.kind, aws!.secret.reveal(), aws!.parts['accessKeyId']!.reveal()]).toEqual([
      'aws',
      'SK',
      'AK',
    ])
    expect(aws!.parts['sessionToken']!.reveal()).toBe('ST')
    const [google] = settings.get('google-vertex')!.credentials
    expect([google!.kind, google!.source, google!.secret.reveal()]).toEqual([
      'google',
      'file',
      '/etc/sa.json',
    ])
  })

  test('of AWS take a profile that is named, in the file or by AWS_PROFILE', () => {
    const env = { HOME: '/home/me', AWS_PROFILE: 'dev', AWS_CONFIG_FILE: '/c', OPENAI_API_KEY: 'secret' }
    const [found] = resolve('', env).settings.get('amazon-bedrock')!.credentials
    expect([found!.source, found!.secret.reveal()]).toEqual(['env:AWS_PROFILE', 'dev'])
    expect(Object.keys(found!.parts).sort()).toEqual(['AWS_CONFIG_FILE', 'AWS_PROFILE', 'HOME'])
    const [named] = resolve('providers: { bedrock: { profile: prod } }', env).settings.get(
      'amazon-bedrock',
    )!.credentials
    expect([named!.source, named!.secret.reveal()]).toEqual(['profile', 'prod'])
    expect(() => resolve('providers: { groq: { api_key: k, profile: x } }')).toThrow(
      /providers\.groq\.profile names a profile of AWS, which Groq does not use/,
    )
  })

  test('are whoever this machine is at AWS and Google, where the file names them and nothing more', () => {
    const env = {
      AWS_WEB_IDENTITY_TOKEN_FILE: '/var/token',
      AWS_ROLE_ARN: 'arn:aws:iam::1:role/r',
      HOME: '/home/me',
      GOOGLE_CLOUD_PROJECT: 'p',
    }
    expect([...resolve('', env).settings.keys()]).toEqual([])
    const { settings, warnings } = resolve('providers: { bedrock: {}, vertex: {} }', env)
    expect(warnings).toEqual([])
    const [aws] = settings.get('amazon-bedrock')!.credentials
    expect([aws!.id, aws!.secret.reveal()]).toEqual(['amazon-bedrock/machine', ''])
    expect(aws!.parts['AWS_ROLE_ARN']!.reveal()).toBe('arn:aws:iam::1:role/r')
    const [google] = settings.get('google-vertex')!.credentials
    expect([google!.kind, google!.secret.reveal(), google!.parts['usualFile']!.reveal()]).toEqual([
      'google',
      '',
      '/home/me/.config/gcloud/application_default_credentials.json',
    ])
  })

  test('take their own address from their own variable', () => {
    const env = { AZURE_OPENAI_API_KEY: 'k', AZURE_OPENAI_ENDPOINT: 'https://x.openai.azure.com/' }
    expect(resolve('', env).settings.get('azure')).toMatchObject({
      address: { origin: 'https://x.openai.azure.com', basePath: '' },
      ownAddress: true,
    })
  })

  test('of one’s own are reached without a key, with the dialect’s way of sending one', () => {
    const text = `
providers:
  my-vllm: { dialect: openai-chat, base_url: "http://127.0.0.1:9002/v1", api_key: x, headers: { x-team: blue } }
  my-claude: { dialect: anthropic-messages, base_url: "http://127.0.0.1:9003" }
  openai: { dialect: openai-responses, api_key: k }`
    const { settings } = resolve(text)
    const call = { modelId: 'a/b', upstreamId: 'b', path: '/chat/completions', headers: [] }
    const vllm = settings.get('my-vllm')!
    expect(resolveTarget(vllm, vllm.credentials[0]!, call)).toEqual({
      origin: 'http://127.0.0.1:9002',
      path: '/v1/chat/completions',
      headers: ['authorization', 'Bearer x', 'x-team', 'blue', 'x-waybill-hop', '1'],
    })
    expect(settings.get('my-claude')).toMatchObject({ keyless: true, credentials: [] })
    expect(settings.get('my-claude')!.definition.auth).toEqual({ kind: 'header', name: 'x-api-key' })
    expect(settings.get('openai')!.definition.dialect).toBe('openai-responses')
  })
})

describe('models of the file', () => {
  const text = (price: string) => `
providers:
  my-vllm:
    dialect: openai-chat
    base_url: http://127.0.0.1:9002/v1
    models:
      - { id: meta-llama/llama-3.3-70b-instruct, upstream_id: llama-70b, context_length: 131072, max_output: 8192,
          ${price} capabilities: [tools, structured_outputs, vision, tools] }`

  test('have exact prices in pico-dollars', () => {
    const { models } = resolve(
      text('price: { prompt: "0.10", completion: 0.2, cache_read: "0.02", request: "0.001" },'),
    )
    expect(models).toEqual([
      {
        providerId: 'my-vllm',
        providerName: 'my-vllm',
        dialect: 'openai-chat',
        id: 'meta-llama/llama-3.3-70b-instruct',
        upstreamId: 'llama-70b',
        contextLength: 131072,
        maxOutput: 8192,
        tariff: {
          version: 'config:100000:200000:20000:-:-:-:1000000000',
          prompt: 100_000n,
          completion: 200_000n,
          cacheRead: 20_000n,
          cacheWrite: null,
          cacheWrite1h: null,
          reasoning: null,
          request: 1_000_000_000n,
          tiers: [],
        },
        free: false,
        capabilities: ['tools', 'structured_outputs', 'vision'],
      },
    ])
  })

  test('are free only when declared so', () => {
    expect(resolve(text('price: free,')).models[0]).toMatchObject({ free: true, tariff: { prompt: 0n } })
  })

  test('without a price have an unknown one, never zero', () => {
    expect(resolve(text('')).models[0]).toMatchObject({ free: false, tariff: null })
  })

  test('cost nothing on a known local server', () => {
    const { models } = resolve('providers: { ollama: { models: [{ id: meta/llama }] } }')
    expect(models[0]).toMatchObject({ free: true, upstreamId: 'meta/llama', contextLength: null })
  })
})

test('a local server found running brings its models, free of charge', () => {
  const found = localServer(findProvider('ollama')!, { OLLAMA_HOST: '0.0.0.0:9999' }, ['llama3.2:3b'])!
  expect(found.settings.address).toEqual({ origin: 'http://127.0.0.1:9999', basePath: '/v1' })
  expect(found.models).toMatchObject([{ id: 'ollama/llama3.2:3b', upstreamId: 'llama3.2:3b', free: true }])
})
