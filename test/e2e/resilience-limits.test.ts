import { execFileSync } from 'node:child_process'
import { request as httpRequest } from 'node:http'
import { connect, type Socket } from 'node:net'
import { setTimeout as sleep } from 'node:timers/promises'
import { afterAll, beforeAll, describe, expect, it, vi } from 'vitest'
import { type RunningGateway, startGateway } from '../harness/gateway.ts'
import { chatEvents, type FakeUpstream, fakeUpstream, sse } from '../upstream/index.ts'
import { chatReply } from '../upstream/openai-chat.ts'
import { expectSound, standing, topUp } from './rig/books.ts'
import { ask, keepAlive } from './rig/client.ts'
import { configOf, MODEL } from './rig/provider.ts'

vi.setConfig({ testTimeout: 60_000 })

const MIB = 1024 * 1024

let provider: FakeUpstream
let gateway: RunningGateway

beforeAll(async () => {
  provider = await fakeUpstream({ script: chatReply('fine') })
  gateway = await startGateway({ config: configOf([{ id: 'acme', url: provider.url }]) })
  await topUp(gateway, 100_000)
})

afterAll(async () => {
  expect(await expectSound(gateway)).toMatchObject({ held: 0n, open: 0 })
  await gateway.remove()
  await provider.close()
})

/** Memory of the gateway's process, MiB. */
function resident(): number {
  const out = execFileSync('ps', ['-o', 'rss=', '-p', String(gateway.process.pid)], { encoding: 'utf8' })
  return Number(out.trim()) / 1024
}

/** The highest memory while `doing` runs, above what it was before, MiB. */
async function growth(doing: Promise<unknown>): Promise<number> {
  const before = resident()
  let highest = before
  let running = true
  doing.finally(() => {
    running = false
  })
  while (running) {
    highest = Math.max(highest, resident())
    await sleep(20)
  }
  await doing
  return highest - before
}

const message = (content: string) =>
  JSON.stringify({ model: MODEL, max_tokens: 10, messages: [{ role: 'user', content }] })

interface Refused {
  readonly status: number
  readonly text: string
  /** Bytes that were taken from us before the answer. */
  readonly sent: number
  readonly closed: boolean
}

/** Sends a body of `bytes` as fast as it is taken, until an answer comes. */
function upload(bytes: number, declared: boolean): Promise<Refused> {
  return new Promise((resolve, reject) => {
    const block = Buffer.alloc(256 * 1024, 'a')
    const socket: Socket = connect(Number(new URL(gateway.url).port), '127.0.0.1')
    let text = ''
    let sent = 0
    const length = declared ? `content-length: ${bytes}` : 'transfer-encoding: chunked'
    socket.write(
      `POST /api/v1/chat/completions HTTP/1.1\r\nhost: 127.0.0.1\r\nauthorization: Bearer ${gateway.key}\r\n${length}\r\n\r\n`,
    )
    const pump = () => {
      while (sent < bytes && text === '' && !socket.destroyed) {
        sent += block.length
        const more = declared
          ? socket.write(block)
          : socket.write(Buffer.concat([Buffer.from('40000\r\n'), block, Buffer.from('\r\n')]))
        if (!more) return
      }
    }
    socket.on('drain', pump)
    socket.on('data', (data) => {
      text += data
    })
    socket.on('error', (error) => {
      if (text === '') reject(error)
    })
    socket.on('close', () => {
      clearTimeout(timer)
      resolve({ status: Number(text.slice(9, 12)), text, sent, closed: true })
    })
    const timer = setTimeout(() => {
      socket.destroy()
      resolve({ status: Number(text.slice(9, 12)), text, sent, closed: false })
    }, 10_000)
    pump()
  })
}

describe('a body of 50 MB', () => {
  it.each([true, false])(
    'is refused with 413 and its connection closed (length declared: %s)',
    async (declared) => {
      const { status, text, closed } = await upload(50 * MIB, declared)
      expect(status).toBe(413)
      expect(closed).toBe(true)
      expect(text.toLowerCase()).toContain('connection: close')
      expect(text).toMatch(/larger than the 32 MiB/)
    },
  )

  it('is refused to an ordinary client in words, not by a broken connection', async () => {
    for (let i = 0; i < 5; i++) {
      const response = await fetch(`${gateway.url}/api/v1/chat/completions`, {
        method: 'POST',
        headers: { authorization: `Bearer ${gateway.key}`, 'content-type': 'application/json' },
        body: message('a'.repeat(50 * MIB)),
      })
      expect(response.status).toBe(413)
      expect(await response.text()).toContain('larger than the 32 MiB')
    }
  }, 60_000)

  it('does not fill memory when many come at once', async () => {
    const uploads = Promise.all(Array.from({ length: 24 }, (_, at) => upload(50 * MIB, at % 2 === 0)))
    // Bodies in flight may take 256 MiB together, and twice that while they are put in one piece.
    expect(await growth(uploads)).toBeLessThan(600)
    for (const { status } of await uploads) expect([413, 503]).toContain(status)
    expect((await ask(gateway, JSON.parse(message('hi')))).complete).toBe(true)
  }, 60_000)

  it('is still taken up to the limit', async () => {
    const seen = await ask(gateway, JSON.parse(message('a'.repeat(31 * MIB))))
    // Nobody's context is that long, but the reason is not the body.
    expect(seen.status).not.toBe(413)
  })
})

describe('a client that sends slowly', () => {
  it('is told 408 and cut, whether it dawdles in the body or in the head', async () => {
    const head = `POST /api/v1/chat/completions HTTP/1.1\r\nhost: 127.0.0.1\r\nauthorization: Bearer ${gateway.key}\r\n`
    const [body, headers] = await Promise.all([
      dawdle(`${head}content-length: 10000\r\n\r\n`, 'x'),
      dawdle(head, 'x-slow: 1\r\n'),
    ])
    expect(body.text).toMatch(/^HTTP\/1\.1 408/)
    expect(body.text).toContain('too slowly')
    expect(body.ms).toBeLessThan(16_000)
    expect(headers.text).toMatch(/^HTTP\/1\.1 408/)
    expect(headers.ms).toBeLessThan(16_000)
  }, 60_000)
})

/** Sends `first`, then `drop` twice a second, until the connection is closed. */
function dawdle(first: string, drop: string): Promise<{ text: string; ms: number }> {
  const started = performance.now()
  return new Promise((resolve) => {
    const socket = connect(Number(new URL(gateway.url).port), '127.0.0.1')
    let text = ''
    socket.write(first)
    const timer = setInterval(() => socket.write(drop), 500)
    const give = setTimeout(() => socket.destroy(), 50_000)
    socket.on('data', (data) => {
      text += data
    })
    socket.on('error', () => {})
    socket.on('close', () => {
      clearInterval(timer)
      clearTimeout(give)
      resolve({ text, ms: performance.now() - started })
    })
  })
}

describe('JSON', () => {
  const nested = (levels: number) => {
    const inside = `${'['.repeat(levels)}${']'.repeat(levels)}`
    return `{"model":"${MODEL}","max_tokens":10,"messages":[{"role":"user","content":"hi"}],"x":${inside}}`
  }

  const post = async (body: string) => {
    const response = await fetch(`${gateway.url}/api/v1/chat/completions`, {
      method: 'POST',
      headers: { authorization: `Bearer ${gateway.key}` },
      body,
    })
    return { status: response.status, text: await response.text() }
  }

  it('is taken to a depth of 64 and refused beyond it', async () => {
    expect((await post(nested(63))).status).toBe(200)
    const deep = await post(nested(64))
    expect(deep.status).toBe(400)
    expect(deep.text).toContain('nested deeper than 64 levels')
    for (const levels of [1_000, 1_000_000]) expect((await post(nested(levels))).status).toBe(400)
  })

  it('that holds a million values or is none is refused', async () => {
    expect((await post(`{"x":[${'1,'.repeat(1_100_000)}1]}`)).status).toBe(400)
    for (const body of ['', '{', 'null', '[]', '"x"', '\0', '{"messages":']) {
      const { status, text } = await post(body)
      expect(status, body).toBe(400)
      expect(JSON.parse(text).error.message).toBeTruthy()
    }
  })
})

describe('a slow reader of a long stream', () => {
  const event = chatEvents(['long '.repeat(200)])[1]!
  const tail = chatEvents([], { usage: { prompt_tokens: 10, completion_tokens: 10 } })
    .slice(1)
    .join('')

  /** Reads the head of the stream, then nothing for `pauseMs`, then the rest. */
  function slowly(pauseMs: number, until: Promise<unknown> = sleep(pauseMs)) {
    return new Promise<{ bytes: number; done: boolean }>((resolve) => {
      const call = httpRequest(
        `${gateway.url}/api/v1/chat/completions`,
        { method: 'POST', headers: { authorization: `Bearer ${gateway.key}` }, agent: keepAlive() },
        (response) => {
          response.once('readable', async () => {
            await until
            let bytes = 0
            let last = ''
            response.on('data', (piece: Buffer) => {
              bytes += piece.length
              last = piece.subarray(-20).toString()
            })
            response.on('close', () => resolve({ bytes, done: last.endsWith('data: [DONE]\n\n') }))
          })
        },
      )
      call.end(JSON.stringify({ ...JSON.parse(message('hi')), stream: true }))
    })
  }

  it('holds the provider back instead of filling memory, and gets everything in the end', async () => {
    const size = 24 * MIB
    provider.play(sse('', { flood: { event, bytes: size, last: tail } }))
    const from = provider.requests.length
    const reading = Promise.all(Array.from({ length: 12 }, () => slowly(2_500)))
    await provider.received(from + 12)
    const grown = await growth(sleep(2_000))
    const sent = provider.requests.slice(from).map((request) => request.sent)
    // What is under way lies in the kernel's buffers, some MiB for each of the two connections.
    expect(Math.max(...sent)).toBeLessThan(size * 0.75)
    expect(grown).toBeLessThan(100)
    for (const { bytes, done } of await reading) {
      expect(done).toBe(true)
      expect(bytes).toBeGreaterThan(size)
    }
    expect((await standing(gateway)).held).toBe(0n)
  }, 60_000)
})
