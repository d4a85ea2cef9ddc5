import { execFileSync } from 'node:child_process'
import { mkdtempSync, readFileSync, rmSync } from 'node:fs'
import { createServer as createHttpServer } from 'node:http'
import { createServer as createHttpsServer } from 'node:https'
import { type AddressInfo, createServer as createTcpServer, type Server } from 'node:net'
import { tmpdir } from 'node:os'
import { join } from 'node:path'
import { setTimeout as sleep } from 'node:timers/promises'
import { afterAll, beforeAll, describe, expect, it, vi } from 'vitest'
import { type RunningGateway, startGateway } from '../harness/gateway.ts'
import { chat, type FakeUpstream, fakeUpstream, json } from '../upstream/index.ts'
import { expectSound, sqliteBook, topUp } from './rig/books.ts'
import { ask, keepAlive, type Seen } from './rig/client.ts'

/** `npm run test:resilience`: ten thousand requests of each kind at the default deadlines. */
const FULL = process.env['WAYBILL_TEST_FULL'] === '1'
const COUNT = FULL ? 10_000 : 1_000
const PER_SECOND = 40
/** What the first seconds cost, until the failing provider is known, does not count. */
const SETTLING_MS = 5_000

const KINDS = ['503', 'refused', 'reset', 'dns', 'tls', 'hang', '429'] as const
type Kind = (typeof KINDS)[number]

vi.setConfig({ testTimeout: 60_000, hookTimeout: (COUNT / PER_SECOND) * 1_000 + 90_000 })

const upstreams: FakeUpstream[] = []
const servers: Server[] = []
const seen = new Map<Kind, Seen[]>()
let gateway: RunningGateway
let started = 0

async function upstream(script: Parameters<typeof fakeUpstream>[0]): Promise<string> {
  const made = await fakeUpstream(script)
  upstreams.push(made)
  return made.url
}

async function listening(server: Server): Promise<number> {
  servers.push(server)
  await new Promise<void>((ready) => server.listen(0, '127.0.0.1', ready))
  return (server.address() as AddressInfo).port
}

/** A port on which nobody listens. */
async function closedPort(): Promise<number> {
  const server = createTcpServer()
  const port = await listening(server)
  await new Promise((done) => server.close(done))
  return port
}

/** An https address whose certificate nobody vouches for; without openssl, one that does not speak TLS at all. */
async function untrusted(): Promise<string> {
  const dir = mkdtempSync(join(tmpdir(), 'waybill-tls-'))
  const args = 'req -x509 -newkey rsa:2048 -nodes -days 2 -subj /CN=localhost -keyout key.pem -out cert.pem'
  let server: Server
  try {
    execFileSync('openssl', args.split(' '), { cwd: dir, stdio: 'ignore' })
    const [key, cert] = ['key.pem', 'cert.pem'].map((name) => readFileSync(join(dir, name)))
    server = createHttpsServer({ key, cert }, (_, response) => response.end('{}'))
  } catch {
    server = createHttpServer()
  } finally {
    rmSync(dir, { recursive: true, force: true })
  }
  return `https://localhost:${await listening(server)}`
}

/** Addresses of providers that fail every request, each in its way. */
async function failing(): Promise<Record<Kind, string>> {
  const limited = json(429, { error: { message: 'slow down', code: 'rate_limit_exceeded' } })
  return {
    '503': await upstream({ script: json(503, { error: { message: 'no capacity' } }) }),
    refused: `http://127.0.0.1:${await closedPort()}`,
    reset: await upstream({ script: { act: 'reset' } }),
    dns: 'http://no-such-host.invalid',
    tls: await untrusted(),
    hang: await upstream({ script: { act: 'hang' } }),
    '429': await upstream({ script: limited }),
  }
}

/** For each kind a model with three providers, the cheapest of which fails. */
function config(failing: Record<Kind, string>, good: readonly string[]): string {
  const provider = (kind: Kind, name: string, url: string, price: string) => `
  ${name}-${kind}:
    dialect: openai-chat
    base_url: "${url}/v1"
    api_key: key-of-${name}
    models:
      - { id: kinds/${kind}, upstream_id: m, context_length: 131072, max_output: 8192,
          price: { prompt: "${price}", completion: "${price}" } }`
  const blocks = KINDS.flatMap((kind) => [
    provider(kind, 'failing', failing[kind], '1'),
    provider(kind, 'second', good[0]!, '1.5'),
    provider(kind, 'third', good[1]!, '2'),
  ])
  const deadline = FULL ? 'auto' : '3s'
  return `credits: prepaid\ndetect: false\ntimeouts: { first_token: ${deadline} }\nproviders:${blocks.join('')}\n`
}

/** Sends one request after the other at an even pace, streamed and whole by turns, without waiting for answers. */
async function send(kind: Kind): Promise<Seen[]> {
  const agent = keepAlive()
  const asked: Promise<Seen>[] = []
  const begin = performance.now()
  for (let n = 0; n < COUNT; n++) {
    const due = begin + (n * 1_000) / PER_SECOND
    await sleep(Math.max(0, due - performance.now()))
    const messages = [{ role: 'user', content: `${kind} ${n}` }]
    asked.push(
      ask(gateway, { model: `kinds/${kind}`, messages, max_tokens: 20, stream: n % 4 !== 0 }, { agent }),
    )
  }
  const answers = await Promise.all(asked)
  agent.destroy()
  return answers
}

beforeAll(async () => {
  const good = await Promise.all([1, 2].map(() => upstream({ script: chat(['fine', ' day']) })))
  gateway = await startGateway({ config: config(await failing(), good) })
  await topUp(gateway, 100)
  started = Date.now()
  await Promise.all(KINDS.map(async (kind) => seen.set(kind, await send(kind))))
})

afterAll(async () => {
  await gateway?.remove()
  for (const made of upstreams) await made.close()
  for (const server of servers) server.close()
})

describe.each(KINDS)('one of three providers fails every request: %s', (kind) => {
  it('at least 99.9 % of the requests succeed, whole', () => {
    const answers = seen.get(kind)!
    expect(answers).toHaveLength(COUNT)
    const failed = answers.filter(({ complete }) => !complete)
    expect(failed.length, failed[0]?.text).toBeLessThanOrEqual(COUNT / 1_000)
  })

  it('once it is known, there are at most 1.2 calls a request', async () => {
    const book = sqliteBook(gateway.dataDir)
    const since = started + SETTLING_MS
    const count = async (sql: string) => Number((await book.rows(sql))[0]!['n'])
    const calls = await count(
      `select count(*) as n from attempts where model = 'kinds/${kind}' and started_at >= ${since}`,
    )
    const requests = await count(
      `select count(*) as n from generations where requested_model = 'kinds/${kind}' and created_at >= ${since}`,
    )
    await book.close()
    expect(requests).toBeGreaterThan(COUNT / 2)
    expect(calls / requests).toBeLessThanOrEqual(1.2)
    process.stdout.write(
      `${kind.padEnd(8)} ${seen.get(kind)!.filter(({ complete }) => complete).length} of ${COUNT} succeeded, ${(calls / requests).toFixed(3)} calls a request\n`,
    )
  })
})

it('after all of them the books are sound', async () => {
  expect(await expectSound(gateway)).toMatchObject({ held: 0n, open: 0 })
})
