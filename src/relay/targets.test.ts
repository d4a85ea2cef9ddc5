import { describe, expect, test } from 'vitest'
import { sseData } from '../../test/chat-client.ts'
import { hasFixtures, recordedCases, responseBytes } from '../../test/fixtures.ts'
import { chunkMessage } from '../dialects/bedrock-invoke/event-stream.fixture.ts'
import { Secret } from '../lib/index.ts'
import { type Credential, findProvider, type ProviderSettings } from '../providers/index.ts'
import { AwsCredentials } from './credentials/aws-credentials.ts'
import { GoogleTokens } from './google-token.ts'
import { relay } from './relay.ts'
import { Targets } from './targets.ts'
import { bench, endpointAt } from './testing/bench.ts'
import type { Transport, UpstreamRequest } from './transport.ts'
import type { Target } from './types.ts'

const clock = { now: () => Date.UTC(2026, 0, 1), tick: () => performance.now() }
const picker = { pickCredential: (ids: readonly string[]) => ids[0] ?? null }

const credentialOf = (
  kind: Credential['kind'],
  secret: string,
  parts: Record<string, string> = {},
): Credential => ({
  id: `x/${kind}`,
  source: 'file',
  kind,
  secret: new Secret(secret),
  parts: Object.fromEntries(Object.entries(parts).map(([name, value]) => [name, new Secret(value)])),
})

function settingsOf(
  id: string,
  credential: Credential,
  more: Partial<ProviderSettings> = {},
): ProviderSettings {
  return {
    definition: findProvider(id)!,
    credentials: [credential],
    keyless: false,
    address: { origin: 'https://upstream.example', basePath: '' },
    ownAddress: false,
    headers: [],
    deployments: {},
    variables: { region: 'eu-central-1', project: 'p' },
    ...more,
  }
}

/** Answers every call with the same body and keeps what was asked. */
class Answering implements Transport {
  readonly requests: UpstreamRequest[] = []
  readonly answer: (request: UpstreamRequest) => { status: number; type: string; body: Uint8Array | string }

  constructor(answer: Answering['answer']) {
    this.answer = answer
  }

  send(request: UpstreamRequest, handler: Parameters<Transport['send']>[1]) {
    this.requests.push(request)
    const { status, type, body } = this.answer(request)
    queueMicrotask(() => {
      handler.onHead(status, (name) => (name === 'content-type' ? type : undefined))
      handler.onData(Buffer.from(body))
      handler.onEnd()
    })
    return { resume: () => {}, abort: () => {} }
  }

  async close(): Promise<void> {}
}

function targetOf(settings: ProviderSettings, transport: Transport, read?: () => Promise<string>): Target {
  const { id } = settings.definition
  const deps = { transport, clock, ...(read !== undefined && { read }) }
  const identities = { google: new GoogleTokens(deps), aws: new AwsCredentials(deps) }
  const targets = new Targets(new Map([[id, settings]]), picker, identities)
  expect(targets.reaches(id)).toBe(true)
  return targets.target(endpointAt(id, { providerId: id }), new Set(), 0, () => 0.5)!
}

const headersOf = ({ headers }: UpstreamRequest): Record<string, string> =>
  Object.fromEntries(headers.flatMap((name, i) => (i % 2 === 0 ? [[name, headers[i + 1]!]] : [])))

const REPLY = JSON.stringify({
  output: { message: { role: 'assistant', content: [{ text: 'hello' }] } },
  stopReason: 'end_turn',
  usage: { inputTokens: 1, outputTokens: 1, totalTokens: 2 },
})

describe('AWS credentials', () => {
  const aws = credentialOf('aws', 'secret', { accessKeyId: 'AKID', sessionToken: 'session' })

  test('sign every call over its body, and the answer reaches the client', async () => {
    const upstream = new Answering(() => ({ status: 200, type: 'application/json', body: REPLY }))
    const target = targetOf(settingsOf('amazon-bedrock', aws), upstream)
    const endpoints = [endpointAt('aws', { dialect: 'bedrock-converse' })]
    const { call, deps, sink } = bench(upstream, {}, { body: { stream: false }, endpoints, target })
    expect((await relay(call, deps)).result).toBe('complete')
    expect(sink.json.choices![0]!.message!.content).toBe('hello')
    const [request] = upstream.requests
    expect(request!.path).toBe('/model/upstream-model/converse')
    const headers = headersOf(request!)
    expect(headers).toMatchObject({
      'x-amz-security-token': 'session',
      'x-amz-date': expect.stringMatching(/^\d{8}T\d{6}Z$/),
    })
    expect(headers['authorization']).toMatch(
      /Credential=AKID\/\d{8}\/eu-central-1\/bedrock\/aws4_request, SignedHeaders=host;x-amz-date;x-amz-security-token,/,
    )
  })

  test.skipIf(!hasFixtures)('carry a recorded event stream through to the client', async () => {
    const recorded = recordedCases().find(({ id }) => id.includes('bedrock-native-output-stream'))!
    const type = 'application/vnd.amazon.eventstream'
    const upstream = new Answering(() => ({ status: 200, type, body: responseBytes(recorded) }))
    const target = targetOf(settingsOf('amazon-bedrock', aws), upstream)
    const endpoints = [endpointAt('aws', { dialect: 'bedrock-converse' })]
    const { call, deps, sink } = bench(upstream, {}, { endpoints, target })
    expect((await relay(call, deps)).result).toBe('complete')
    expect(JSON.parse(sink.content)).toMatchObject({ city: 'Paris' })
    expect(sink.chunks.at(-1)!.usage).toMatchObject({ prompt_tokens: 210, completion_tokens: 18 })
    expect(headersOf(upstream.requests[0]!)['accept']).toBe(type)
  })

  test('that have to be found are found before the first call, and then sign', async () => {
    const found = credentialOf('aws', '', { AWS_ACCESS_KEY_ID: 'AKE', AWS_SECRET_ACCESS_KEY: 'SKE' })
    const upstream = new Answering(() => ({ status: 200, type: 'application/json', body: REPLY }))
    const target = targetOf(settingsOf('amazon-bedrock', found), upstream)
    const address = target.address('/model/x/converse', [])
    expect(() => target.sign!(address, '{}', 0)).toThrow(/no AWS credential yet/)
    const endpoints = [endpointAt('aws', { dialect: 'bedrock-converse' })]
    const { call, deps } = bench(upstream, {}, { body: { stream: false }, endpoints, target })
    expect((await relay(call, deps)).result).toBe('complete')
    expect(headersOf(upstream.requests[0]!)['authorization']).toContain('Credential=AKE/')
    expect(target.ready!()).toBeNull()
  })

  test.skipIf(!hasFixtures)('carry a stream of native Claude through to the client', async () => {
    const recorded = recordedCases().find(({ id }) => id.includes('anthropic-completion-stream-cache-read'))!
    const frames = sseData(responseBytes(recorded).toString()).map(chunkMessage)
    const type = 'application/vnd.amazon.eventstream'
    const upstream = new Answering(() => ({ status: 200, type, body: Buffer.concat(frames) }))
    const target = targetOf(settingsOf('amazon-bedrock', aws), upstream)
    const endpoints = [endpointAt('aws', { dialect: 'bedrock-invoke' })]
    const { call, deps, sink } = bench(upstream, {}, { endpoints, target })
    expect((await relay(call, deps)).result).toBe('complete')
    expect(sink.content.length).toBeGreaterThan(0)
    expect(sink.chunks.at(-1)!.usage!.prompt_tokens).toBeGreaterThan(0)
    expect(upstream.requests[0]!.path).toBe('/model/upstream-model/invoke-with-response-stream')
  })

  test('give way to a header of the operator, and keys of Bedrock travel as they are', () => {
    const upstream = new Answering(() => ({ status: 200, type: '', body: '' }))
    const own = { headers: [['authorization', new Secret('Bearer mine')] as const] }
    const target = targetOf(settingsOf('amazon-bedrock', aws, own), upstream)
    const address = target.address('/model/x/converse', [])
    expect(target.sign!(address, '{}', 0)).toBe(address)
    const plain = targetOf(settingsOf('amazon-bedrock', credentialOf('key', 'k')), upstream)
    expect(plain.sign).toBeUndefined()
    expect(plain.address('/x', []).headers).toEqual(['authorization', 'Bearer k'])
  })
})

describe("Google's service accounts", () => {
  const google = credentialOf('google', '/etc/sa.json')
  const user = async () =>
    JSON.stringify({ type: 'authorized_user', client_id: 'i', client_secret: 's', refresh_token: 'r' })
  const reply = JSON.stringify({
    id: 'up',
    choices: [{ index: 0, message: { role: 'assistant', content: 'hello' }, finish_reason: 'stop' }],
    usage: { prompt_tokens: 1, completion_tokens: 1 },
  })
  const googleAnd = (status: number) =>
    new Answering(({ origin }) =>
      origin === 'https://oauth2.googleapis.com'
        ? {
            status,
            type: 'application/json',
            body: JSON.stringify({ access_token: 'abc', expires_in: 3600, error: 'invalid_grant' }),
          }
        : { status: 200, type: 'application/json', body: reply },
    )

  test('fetch a token before the first call only', async () => {
    const upstream = googleAnd(200)
    const target = targetOf(settingsOf('google-vertex', google), upstream, user)
    for (const _ of [1, 2]) {
      const endpoints = [endpointAt('google')]
      const { call, deps } = bench(upstream, {}, { body: { stream: false }, endpoints, target })
      expect((await relay(call, deps)).result).toBe('complete')
    }
    const origins = upstream.requests.map(({ origin }) => origin)
    expect(origins).toEqual([
      'https://oauth2.googleapis.com',
      'https://upstream.example',
      'https://upstream.example',
    ])
    expect(headersOf(upstream.requests[1]!)['authorization']).toBe('Bearer abc')
  })

  test('that Google refuses fail the attempt like a refused key', async () => {
    const upstream = googleAnd(400)
    const target = targetOf(settingsOf('google-vertex', google), upstream, user)
    const { call, deps, sink } = bench(
      upstream,
      {},
      { body: { stream: false }, endpoints: [endpointAt('google')], target },
    )
    expect((await relay(call, deps)).result).toBe('failed')
    expect(call.trace[0]).toMatchObject({ errorCode: 'provider_auth', outcome: 'failed' })
    expect(sink.status).toBe(502)
    expect(upstream.requests).toHaveLength(1)
  })
})
