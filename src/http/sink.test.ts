import { once } from 'node:events'
import { createServer, request as httpRequest, type IncomingMessage, type Server } from 'node:http'
import { type AddressInfo, connect } from 'node:net'
import { setTimeout as sleep } from 'node:timers/promises'
import { afterAll, afterEach, describe, expect, it } from 'vitest'
import {
  chatEvents,
  chatReply,
  chatStream,
  FAULTS,
  type FakeUpstream,
  fakeUpstream,
  type Script,
  sse,
} from '../../test/upstream/index.ts'
import { systemClock, Wheel } from '../lib/index.ts'
import { relay } from '../relay/relay.ts'
import { type Bench, bench } from '../relay/testing/bench.ts'
import { createUndiciTransport } from '../relay/transport.undici.ts'
import type { RelayResult } from '../relay/types.ts'
import { ResponseSink } from './sink.ts'

const transport = createUndiciTransport()
const upstreams: FakeUpstream[] = []
const servers: Server[] = []

async function provider(script: Script): Promise<FakeUpstream> {
  const upstream = await fakeUpstream({ script })
  upstreams.push(upstream)
  return upstream
}

afterEach(async () => {
  for (const server of servers.splice(0)) {
    server.closeAllConnections()
    server.close()
  }
  for (const upstream of upstreams.splice(0)) await upstream.close()
})
afterAll(() => transport.close())

async function until(holds: () => boolean, ms = 3_000): Promise<void> {
  const end = performance.now() + ms
  while (!holds()) {
    if (performance.now() > end) throw new Error(`not within ${ms} ms: ${holds}`)
    await sleep(2)
  }
}

/** A gateway of nothing but the relay: every POST is relayed to `urls`. */
async function gateway(
  urls: Record<string, string>,
  more: Parameters<typeof bench>[2] = {},
  stalledMs = 60_000,
) {
  const wheel = new Wheel(systemClock, 10)
  const benches: Bench[] = []
  const results: RelayResult[] = []
  const server = createServer((request, response) => {
    request.resume()
    const sink = new ResponseSink(response, wheel, ['x-generation-id', 'gen-1'], stalledMs)
    const made = bench(transport, urls, { ...more, call: { sink }, deps: { wheel, ...more?.deps } })
    benches.push(made)
    void relay(made.call, made.deps).then((result) => results.push(result))
  }).listen(0, '127.0.0.1')
  servers.push(server)
  await once(server, 'listening')
  return { server, port: (server.address() as AddressInfo).port, wheel, benches, results }
}

function post(port: number) {
  const request = httpRequest({ port, host: '127.0.0.1', method: 'POST', path: '/', agent: false })
  request.on('error', () => {})
  request.end('{}')
  return request
}

describe('a relayed answer over node:http', () => {
  it('a whole answer has its length and a stream its chunks, both our headers', async () => {
    const a = await provider(({ body }) =>
      JSON.parse(body).stream ? chatStream(['Hello']) : chatReply('Hello'),
    )
    for (const stream of [true, false]) {
      const { port, wheel } = await gateway({ a: a.url }, { body: { stream } })
      const [response] = (await once(post(port), 'response')) as [IncomingMessage]
      let text = ''
      for await (const chunk of response) text += chunk
      expect(response.headers['x-generation-id']).toBe('gen-1')
      expect(text).toContain('Hello')
      if (stream) expect(response.headers['content-type']).toMatch(/^text\/event-stream/)
      else expect(Number(response.headers['content-length'])).toBe(Buffer.byteLength(text))
      await until(() => wheel.size === 0)
    }
  })

  it('an error has its status and Retry-After', async () => {
    const a = await provider({ ...FAULTS['429']!, headers: { 'retry-after': '7' } })
    const { port } = await gateway({ a: a.url })
    const [response] = (await once(post(port), 'response')) as [IncomingMessage]
    expect(response.statusCode).toBe(429)
    expect(response.headers['retry-after']).toBe('7')
    response.resume()
  })

  it('a reader that takes nothing keeps a stream of 300 MB at the provider, in bounded memory', async () => {
    const event = chatEvents(['x'.repeat(400)])[1]!
    const a = await provider(sse('', { flood: { event, bytes: 300e6, last: chatEvents([]).join('') } }))
    const { port } = await gateway({ a: a.url }, { timeouts: { totalMs: 60_000, idleMs: 200 } })
    const before = process.memoryUsage().rss
    const sockets = Array.from({ length: 4 }, () => {
      const socket = connect(port, '127.0.0.1')
      socket.pause()
      socket.on('error', () => {})
      socket.write('POST / HTTP/1.1\r\nhost: x\r\ncontent-length: 2\r\n\r\n{}')
      return socket
    })
    await a.received(4)
    await sleep(700)
    const taken = a.requests.map((request) => request.sent)
    await sleep(300)
    // Held back, not cut: the silence is ours, so the idle limit of 200 ms does not count it.
    expect(a.requests.map((request) => request.sent)).toEqual(taken)
    expect(a.requests.every((request) => request.abortedAt === null)).toBe(true)
    expect(Math.max(...taken)).toBeLessThan(16e6)
    expect(process.memoryUsage().rss - before).toBeLessThan(120e6)
    for (const socket of sockets) socket.destroy()
    await until(() => a.requests.every((request) => request.abortedAt !== null))
  })

  it('a reader that is slow but goes on gets everything', async () => {
    const event = chatEvents(['x'.repeat(400)])[1]!
    const bytes = 6e6
    const a = await provider(sse('', { flood: { event, bytes, last: chatEvents([]).slice(1).join('') } }))
    const { port, results } = await gateway({ a: a.url })
    const [response] = (await once(post(port), 'response')) as [IncomingMessage]
    let text = ''
    for await (const chunk of response) {
      text += chunk
      await sleep(1)
    }
    await until(() => results.length === 1)
    expect(results[0]!.result).toBe('complete')
    expect(text.split('"content":"x').length - 1).toBe(
      Math.ceil(
        Math.ceil(bytes / (event.length * Math.ceil(32_768 / event.length))) *
          Math.ceil(32_768 / event.length),
      ),
    )
    expect(text.endsWith('data: [DONE]\n\n')).toBe(true)
  })

  it('a reader that takes nothing for too long is cut, and pays for what was produced', async () => {
    const event = chatEvents(['x'.repeat(400)])[1]!
    const a = await provider(sse('', { flood: { event, bytes: 300e6, last: '' } }))
    const { port, benches, wheel, results } = await gateway({ a: a.url }, {}, 300)
    const socket = connect(port, '127.0.0.1')
    socket.pause()
    socket.on('error', () => {})
    socket.write('POST / HTTP/1.1\r\nhost: x\r\ncontent-length: 2\r\n\r\n{}')
    await until(() => results.length === 1)
    expect(benches[0]!.meter.outcomes).toMatchObject([{ result: 'client_gone' }])
    await until(() => a.requests[0]!.abortedAt !== null && wheel.size === 0)
    socket.destroy()
  })

  it('1,000 aborts at random moments leave no socket, no timer, and settle or release each once', async () => {
    const a = await provider(
      chatStream(
        Array.from({ length: 50 }, () => 'word '),
        {},
        { gapMs: 2, delayMs: 3 },
      ),
    )
    const { server, port, wheel, benches, results } = await gateway({ a: a.url })
    for (let batch = 0; batch < 10; batch++) {
      await Promise.all(
        Array.from({ length: 100 }, async (_, i) => {
          const request = post(port)
          request.on('response', (response) => response.on('error', () => {}).resume())
          await sleep(1 + ((i * 7) % 60))
          request.destroy()
        }),
      )
    }
    await until(() => results.length === benches.length)
    await until(() => a.requests.every((request) => request.finished || request.abortedAt !== null))
    await until(() => wheel.size === 0)
    const open = await new Promise<number>((resolve) =>
      server.getConnections((_error, count) => resolve(count)),
    )
    expect(open).toBe(0)
    for (const { meter } of benches) expect(meter.outcomes.length + meter.releases.length).toBe(1)
    await until(() => a.connections <= a.requests.filter((request) => request.finished).length)
  })
})
