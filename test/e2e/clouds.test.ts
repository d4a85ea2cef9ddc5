import { mkdtempSync, rmSync, writeFileSync } from 'node:fs'
import { createServer, type Server } from 'node:http'
import { tmpdir } from 'node:os'
import { join } from 'node:path'
import { afterAll, beforeAll, beforeEach, describe, expect, it } from 'vitest'
import { chunkMessage, exceptionMessage } from '../../src/dialects/bedrock-invoke/event-stream.fixture.ts'
import { type RunningGateway, startGateway } from '../harness/gateway.ts'

interface Seen {
  readonly path: string
  readonly headers: Readonly<Record<string, string | string[] | undefined>>
  readonly body: string
}

/** AWS's and Google's services in one server: tokens, keys and models. */
let server: Server
let seen: Seen[] = []
let broken = false
let gateway: RunningGateway
let home: string

const usage = { input_tokens: 12, output_tokens: 1 }
const EVENTS = [
  { type: 'message_start', message: { id: 'msg_1', type: 'message', role: 'assistant', content: [], usage } },
  { type: 'content_block_start', index: 0, content_block: { type: 'text', text: '' } },
  { type: 'content_block_delta', index: 0, delta: { type: 'text_delta', text: 'Hel' } },
  { type: 'content_block_delta', index: 0, delta: { type: 'text_delta', text: 'lo' } },
  { type: 'content_block_stop', index: 0 },
  { type: 'message_delta', delta: { stop_reason: 'end_turn' }, usage: { output_tokens: 3 } },
  { type: 'message_stop' },
]
const MESSAGE = {
  id: 'msg_1',
  type: 'message',
  role: 'assistant',
  content: [{ type: 'text', text: 'Hello' }],
  stop_reason: 'end_turn',
  usage: { ...usage, output_tokens: 3 },
}
const KEYS = `<R><AccessKeyId>AKROLE</AccessKeyId><SecretAccessKey>sk</SecretAccessKey><SessionToken>session</SessionToken>
<Expiration>${new Date(Date.now() + 3_600_000).toISOString()}</Expiration></R>`

function answer({ path, body }: Seen): [type: string, body: string | Buffer] {
  if (body.startsWith('Action=')) return ['text/xml', KEYS]
  if (path.endsWith('/invoke-with-response-stream')) {
    const frames = EVENTS.map((event) => chunkMessage(JSON.stringify(event)))
    const failed = [...frames.slice(0, 3), exceptionMessage('throttlingException', 'Slow down.')]
    return ['application/vnd.amazon.eventstream', Buffer.concat(broken ? failed : frames)]
  }
  if (path.endsWith(':streamRawPredict')) {
    const lines = EVENTS.map((event) => `event: ${event.type}\ndata: ${JSON.stringify(event)}\n\n`)
    return ['text/event-stream', lines.join('')]
  }
  return ['application/json', JSON.stringify(reply(path))]
}

function reply(path: string): object {
  if (path.endsWith('/token')) return { access_token: 'vm-token', expires_in: 3600 }
  if (path.endsWith('/count-tokens')) return { inputTokens: 4711 }
  if (path.endsWith('count-tokens:rawPredict')) return { input_tokens: 815 }
  if (path.includes('titan-embed')) return { embedding: [0.5, -0.5], inputTextTokenCount: 2 }
  if (!path.endsWith(':generateContent')) return MESSAGE
  return {
    candidates: [{ content: { role: 'model', parts: [{ text: 'Hello' }] }, finishReason: 'STOP' }],
    usageMetadata: { promptTokenCount: 3, candidatesTokenCount: 2 },
  }
}

beforeAll(async () => {
  server = createServer((request, response) => {
    const parts: Buffer[] = []
    request.on('data', (part: Buffer) => parts.push(part))
    request.on('end', () => {
      const asked = {
        path: decodeURIComponent(request.url ?? ''),
        headers: request.headers,
        body: Buffer.concat(parts).toString(),
      }
      seen.push(asked)
      const [type, said] = answer(asked)
      response.writeHead(200, { 'content-type': type }).end(said)
    })
  })
  await new Promise<void>((resolve) => server.listen(0, '127.0.0.1', resolve))
  const host = `127.0.0.1:${(server.address() as { port: number }).port}`
  home = mkdtempSync(join(tmpdir(), 'waybill-clouds-'))
  writeFileSync(join(home, 'token'), 'pod-token')
  gateway = await startGateway({
    config: `
retries: 0
providers:
  bedrock: { region: eu-west-1, base_url: "http://${host}" }
  vertex: { project: my-project, region: global, base_url: "http://${host}" }
`,
    env: {
      AWS_WEB_IDENTITY_TOKEN_FILE: join(home, 'token'),
      AWS_ROLE_ARN: 'arn:aws:iam::1:role/pod',
      AWS_ENDPOINT_URL_STS: `http://${host}`,
      GCE_METADATA_HOST: host,
    },
  })
})

beforeEach(() => {
  seen = []
  broken = false
})

afterAll(async () => {
  await gateway?.remove()
  server?.close()
  if (home) rmSync(home, { recursive: true, force: true })
})

const ask = (provider: string, more: object = {}) => ({
  model: 'anthropic/claude-sonnet-4.6',
  max_tokens: 100,
  messages: [{ role: 'user', content: 'Say hello' }],
  provider: { only: [provider] },
  ...more,
})

async function streamed(path: string, body: object): Promise<string> {
  const response = await fetch(`${gateway.url}/api/v1${path}`, {
    method: 'POST',
    headers: { authorization: `Bearer ${gateway.key}`, 'content-type': 'application/json' },
    body: JSON.stringify({ ...body, stream: true }),
  })
  return await response.text()
}

describe('Claude on Bedrock, with the role of a pod', () => {
  it('is asked in its own format with signed calls, whose keys are fetched once', async () => {
    const first = await gateway.call('POST', '/messages', ask('amazon-bedrock'))
    expect(first.body).toMatchObject({
      content: MESSAGE.content,
      usage: { input_tokens: 12, output_tokens: 3 },
    })
    await gateway.call('POST', '/chat/completions', ask('amazon-bedrock'))
    const [sts, ...calls] = seen
    expect(Object.fromEntries(new URLSearchParams(sts!.body))).toMatchObject({
      Action: 'AssumeRoleWithWebIdentity',
      WebIdentityToken: 'pod-token',
    })
    expect(calls).toHaveLength(2)
    for (const { path, headers, body } of calls) {
      expect(path).toMatch(/^\/model\/.*anthropic\.claude-sonnet-4-6\/invoke$/)
      expect(headers['authorization']).toMatch(/Credential=AKROLE\/\d{8}\/eu-west-1\/bedrock\/aws4_request/)
      expect(headers['x-amz-security-token']).toBe('session')
      expect(JSON.parse(body)).toMatchObject({ anthropic_version: 'bedrock-2023-05-31', max_tokens: 100 })
    }
  })

  it('streams to clients of both formats, and what breaks off is never a success', async () => {
    const chat = await streamed('/chat/completions', ask('amazon-bedrock'))
    expect(chat.match(/"content":"(Hel|lo)"/g)).toHaveLength(2)
    expect(chat).toContain('data: [DONE]')
    const own = await streamed('/messages', ask('amazon-bedrock'))
    expect([...own.matchAll(/^event: (.+)$/gm)].map((match) => match[1])).toEqual(
      EVENTS.map(({ type }) => type),
    )
    broken = true
    for (const path of ['/chat/completions', '/messages']) {
      const text = await streamed(path, { ...ask('amazon-bedrock'), rescue: false })
      expect(text).toContain('"error"')
      expect(text).not.toMatch(/"stop_reason":"end_turn"|"finish_reason":"stop"/)
    }
  })

  it('counts tokens, and embeds', async () => {
    const counted = await gateway.call('POST', '/messages/count_tokens', ask('amazon-bedrock'))
    expect(counted.body).toEqual({ input_tokens: 4711 })
    const source = { type: 'url', url: 'https://example.com/paper.pdf' }
    const messages = [{ role: 'user', content: [{ type: 'document', source }] }]
    const guessed = await gateway.call('POST', '/messages/count_tokens', {
      ...ask('amazon-bedrock'),
      messages,
    })
    expect(guessed.status).toBe(200)
    expect(guessed.body.input_tokens).toBeGreaterThan(0)
    expect(guessed.body.input_tokens).not.toBe(4711)
    const embedded = await gateway.call('POST', '/embeddings', {
      model: 'amazon/titan-embed-text-v2',
      input: 'Hello',
    })
    expect(embedded.body).toMatchObject({ data: [{ embedding: [0.5, -0.5] }], usage: { prompt_tokens: 2 } })
    const several = await gateway.call('POST', '/embeddings', {
      model: 'amazon/titan-embed-text-v2',
      input: ['a', 'b'],
    })
    expect(several.status).toBe(422)
    expect(several.body.error.message).toContain('one input in a call')
  })
})

describe('Google Vertex, with the account of the machine', () => {
  const PLACE = '/projects/my-project/locations/global/publishers'

  it('is asked for Claude by rawPredict, streamed and whole, with a token that is fetched once', async () => {
    const whole = await gateway.call('POST', '/chat/completions', ask('google-vertex'))
    expect(whole.body.choices[0].message.content).toBe('Hello')
    const own = await streamed('/messages', ask('google-vertex'))
    expect(own).toContain('message_stop')
    expect(seen.map(({ path }) => path)).toEqual([
      '/computeMetadata/v1/instance/service-accounts/default/token',
      `/v1${PLACE}/anthropic/models/claude-sonnet-4-6@default:rawPredict`,
      `/v1${PLACE}/anthropic/models/claude-sonnet-4-6@default:streamRawPredict`,
    ])
    expect(seen[1]!.headers['authorization']).toBe('Bearer vm-token')
    expect(JSON.parse(seen[1]!.body)).toMatchObject({ anthropic_version: 'vertex-2023-10-16' })
  })

  it('counts the tokens of Claude, and is asked for Gemini by v1beta1', async () => {
    const counted = await gateway.call('POST', '/messages/count_tokens', ask('google-vertex'))
    expect(counted.body).toEqual({ input_tokens: 815 })
    const gemini = await gateway.call(
      'POST',
      '/chat/completions',
      ask('google-vertex', { model: 'google/gemini-2.5-flash' }),
    )
    expect(gemini.body.choices[0].message.content).toBe('Hello')
    expect(seen.at(-1)!.path).toBe(`/v1beta1${PLACE}/google/models/gemini-2.5-flash:generateContent`)
  })
})
