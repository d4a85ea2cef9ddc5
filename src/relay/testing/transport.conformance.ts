import { type ChildProcess, spawn } from 'node:child_process'
import { once } from 'node:events'
import { type AddressInfo, connect, createServer, type Server, type Socket } from 'node:net'
import { setTimeout as sleep } from 'node:timers/promises'
import { afterEach, describe, expect, it } from 'vitest'
import type {
  Transport,
  TransportError,
  UpstreamCall,
  UpstreamHandler,
  UpstreamRequest,
} from '../transport.ts'

/** What came back from one call; `done` resolves after `onEnd` or `onError`. */
class Recorded implements UpstreamHandler {
  status = 0
  header: (name: string) => string | undefined = () => undefined
  bytes = 0
  text = ''
  ended = false
  error: TransportError | null = null
  connected: boolean | null = null
  callbacks = 0
  accept = true
  keepText = true
  readonly done = Promise.withResolvers<void>()
  readonly head = Promise.withResolvers<void>()

  onHead(status: number, header: (name: string) => string | undefined): void {
    this.callbacks++
    this.status = status
    this.header = header
    this.head.resolve()
  }

  onData(chunk: Buffer): boolean {
    this.callbacks++
    this.bytes += chunk.length
    if (this.keepText) this.text += chunk.toString('latin1')
    return this.accept
  }

  onEnd(): void {
    this.callbacks++
    this.ended = true
    this.done.resolve()
  }

  onError(error: TransportError, connected: boolean): void {
    this.callbacks++
    this.error = error
    this.connected = connected
    this.done.resolve()
    this.head.resolve()
  }
}

type OnRequest = (socket: Socket, nth: number, head: string) => void

/** A server that speaks in raw bytes: `onRequest` runs when a head has arrived, `nth` counts heads from 1 over all sockets. */
class RawServer {
  readonly sockets = new Set<Socket>()
  readonly closedAt: number[] = []
  requests = 0
  received = 0
  opened = 0
  readonly #server: Server

  private constructor(onRequest: OnRequest) {
    this.#server = createServer((socket) => {
      this.sockets.add(socket)
      this.opened++
      let pending = ''
      socket.on('error', () => {})
      socket.on('close', () => {
        this.sockets.delete(socket)
        this.closedAt.push(performance.now())
      })
      socket.on('data', (chunk) => {
        this.received += chunk.length
        if (pending.length < 65_536) pending += chunk.toString('latin1')
        const end = pending.indexOf('\r\n\r\n')
        if (end === -1 || !/^(POST|GET) /.test(pending)) return
        const head = pending.slice(0, end)
        pending = ''
        onRequest(socket, ++this.requests, head)
      })
    })
  }

  static async open(onRequest: OnRequest, host = '127.0.0.1'): Promise<RawServer> {
    const server = new RawServer(onRequest)
    server.#server.listen(0, host)
    await once(server.#server, 'listening')
    return server
  }

  get port(): number {
    return (this.#server.address() as AddressInfo).port
  }

  get origin(): string {
    return `http://127.0.0.1:${this.port}`
  }

  async close(): Promise<void> {
    for (const socket of this.sockets) socket.destroy()
    this.#server.close()
    await once(this.#server, 'close')
  }
}

function post(origin: string, body: Uint8Array | string | null = '{}', more: Partial<UpstreamRequest> = {}) {
  return {
    origin,
    path: '/v1/chat',
    method: 'POST',
    headers: ['content-type', 'application/json'],
    body,
    connectTimeoutMs: 2_000,
    ...more,
  } satisfies UpstreamRequest
}

const OK = 'HTTP/1.1 200 OK\r\ncontent-length: 2\r\n\r\nok'
const CHUNKED = 'HTTP/1.1 200 OK\r\ncontent-type: text/event-stream\r\ntransfer-encoding: chunked\r\n\r\n'

/** The suite that every transport passes; `make` gives a fresh one. */
export function transportConformance(name: string, make: () => Transport): void {
  describe(`${name} as a transport`, () => {
    const servers: RawServer[] = []
    const transports: Transport[] = []
    const children: ChildProcess[] = []

    afterEach(async () => {
      for (const transport of transports.splice(0)) await transport.close()
      for (const server of servers.splice(0)) await server.close()
      for (const child of children.splice(0)) child.kill('SIGKILL')
    })

    async function serve(onRequest: OnRequest, host?: string): Promise<RawServer> {
      const server = await RawServer.open(onRequest, host)
      servers.push(server)
      return server
    }

    function transport(): Transport {
      const made = make()
      transports.push(made)
      return made
    }

    function start(via: Transport, request: UpstreamRequest, recorded = new Recorded()) {
      const call: UpstreamCall = via.send(request, recorded)
      return { call, recorded }
    }

    async function finish(via: Transport, request: UpstreamRequest): Promise<Recorded> {
      const { recorded } = start(via, request)
      await recorded.done.promise
      return recorded
    }

    it('sends method, path, headers and body, and hands back status, headers and body', async () => {
      let head = ''
      const server = await serve((socket, _nth, text) => {
        head = text
        socket.write('HTTP/1.1 201 Made\r\nX-Two: a\r\nx-two: b\r\nContent-Length: 5\r\n\r\nhello')
      })
      const got = await finish(transport(), post(server.origin, '{"a":"é"}', { path: '/v1/x?y=1' }))
      expect(head).toMatch(/^POST \/v1\/x\?y=1 HTTP\/1\.1\r\n/)
      expect(head.toLowerCase()).toContain('content-length: 10')
      expect(got).toMatchObject({ status: 201, text: 'hello', ended: true, error: null })
      expect(got.header('x-two')).toBe('a, b')
      expect(got.header('x-none')).toBeUndefined()
    })

    it('reads a chunked body whatever its boundaries', async () => {
      const server = await serve(async (socket) => {
        const wire = `${CHUNKED}5\r\nhello\r\n6;ext=1\r\n world\r\n0\r\n\r\n`
        for (const byte of wire) {
          socket.write(byte)
          await sleep(0)
        }
      })
      const got = await finish(transport(), post(server.origin))
      expect(got).toMatchObject({ status: 200, text: 'hello world', ended: true })
    })

    it('reads a body that ends with the connection', async () => {
      const server = await serve((socket) =>
        socket.end('HTTP/1.1 200 OK\r\nconnection: close\r\n\r\nall of it'),
      )
      const via = transport()
      expect(await finish(via, post(server.origin))).toMatchObject({ text: 'all of it', ended: true })
      expect(await finish(via, post(server.origin))).toMatchObject({ text: 'all of it', ended: true })
      expect(server.opened).toBe(2)
    })

    it('keeps a connection for the next call', async () => {
      const server = await serve((socket) => socket.write(OK))
      const via = transport()
      for (let i = 0; i < 5; i++) expect((await finish(via, post(server.origin))).text).toBe('ok')
      expect(server.opened).toBe(1)
    })

    it('runs calls to one origin beside each other', async () => {
      const waiting: Socket[] = []
      const server = await serve((socket) => {
        if (waiting.push(socket) === 40) for (const each of waiting) each.write(OK)
      })
      const via = transport()
      const all = await Promise.all(Array.from({ length: 40 }, () => finish(via, post(server.origin))))
      expect(all.every((got) => got.text === 'ok')).toBe(true)
    })

    it('carries 10 MB up and 10 MB down', async () => {
      const size = 10 * 1024 * 1024
      let seen = 0
      const server = await serve(() => {})
      const answer = Buffer.alloc(size, 97)
      const poll = setInterval(() => {
        if (server.received < size || seen++) return
        const [socket] = server.sockets
        socket!.write(`HTTP/1.1 200 OK\r\ncontent-length: ${size}\r\n\r\n`)
        socket!.write(answer)
      }, 5)
      const got = await finish(transport(), post(server.origin, Buffer.alloc(size, 98)))
      clearInterval(poll)
      expect(got).toMatchObject({ bytes: size, ended: true })
    })

    it('pauses the provider while the reader is slow, and goes on afterwards', async () => {
      const size = 64 * 1024 * 1024
      let taken = 0
      const server = await serve((socket) => {
        socket.write(`HTTP/1.1 200 OK\r\ncontent-length: ${size}\r\n\r\n`)
        const block = Buffer.alloc(65_536, 97)
        const pump = () => {
          while (taken < size) {
            taken += block.length
            if (!socket.write(block)) return
          }
        }
        socket.on('drain', pump)
        pump()
      })
      const recorded = new Recorded()
      recorded.accept = false
      recorded.keepText = false
      const { call } = start(transport(), post(server.origin), recorded)
      await recorded.head.promise
      await sleep(300)
      expect(recorded.bytes).toBeLessThan(512 * 1024)
      expect(taken).toBeLessThan(20 * 1024 * 1024)
      recorded.accept = true
      call.resume()
      await recorded.done.promise
      expect(recorded.bytes).toBe(size)
    })

    it('closes the connection within 100 ms of an abort in the body, and calls back no more', async () => {
      const server = await serve((socket) => {
        socket.write(`${CHUNKED}5\r\nhello\r\n`)
        setInterval(() => socket.destroyed || socket.write('5\r\nagain\r\n'), 5).unref()
      })
      const { call, recorded } = start(transport(), post(server.origin))
      await recorded.head.promise
      const at = performance.now()
      const before = recorded.callbacks
      call.abort()
      call.abort()
      while (server.closedAt.length === 0) await sleep(1)
      expect(server.closedAt[0]! - at).toBeLessThan(100)
      await sleep(20)
      expect(recorded.callbacks).toBe(before)
    })

    it('closes the connection when aborted before the head, and from inside a callback', async () => {
      const server = await serve((socket, nth) => {
        if (nth > 1) socket.write(`${CHUNKED}5\r\nhello\r\n5\r\nagain\r\n`)
      })
      const via = transport()
      const first = start(via, post(server.origin))
      while (server.requests === 0) await sleep(1)
      first.call.abort()
      while (server.closedAt.length === 0) await sleep(1)
      const recorded = new Recorded()
      const second = start(via, post(server.origin), recorded)
      recorded.onData = () => {
        second.call.abort()
        return true
      }
      while (server.closedAt.length === 1) await sleep(1)
      expect(recorded).toMatchObject({ ended: false, error: null })
    })

    it('says that nothing was sent when the connection is refused', async () => {
      const server = await serve(() => {})
      const origin = server.origin
      await servers.pop()!.close()
      const got = await finish(transport(), post(origin))
      expect(got).toMatchObject({ connected: false, status: 0 })
      expect(got.error?.fault).toBe('connect')
    })

    it('says that nothing was sent when the name does not resolve or the address is none', async () => {
      const via = transport()
      expect((await finish(via, post('http://name.invalid:1'))).connected).toBe(false)
      expect((await finish(via, post('not a url'))).connected).toBe(false)
    })

    it('gives up a connection attempt in time, and an abort ends it sooner', async () => {
      const { port, child } = await deafServer()
      children.push(child)
      const via = transport()
      const at = performance.now()
      const got = await finish(via, post(`http://127.0.0.1:${port}`, '{}', { connectTimeoutMs: 150 }))
      expect(got.error?.fault).toBe('connect_timeout')
      expect(got.connected).toBe(false)
      expect(performance.now() - at).toBeLessThan(600)
      const { call, recorded } = start(via, post(`http://127.0.0.1:${port}`, '{}', { connectTimeoutMs: 150 }))
      call.abort()
      await sleep(200)
      expect(recorded.callbacks).toBe(0)
    })

    it('reports a reset before the head on a new connection, without a second try', async () => {
      const server = await serve((socket) => socket.resetAndDestroy())
      const got = await finish(transport(), post(server.origin))
      expect(got).toMatchObject({ connected: true, status: 0 })
      expect(got.error?.fault).toBe('reset')
      expect(server.requests).toBe(1)
    })

    it('tries once more on a new connection when a kept one turns out to be closed', async () => {
      const server = await serve((socket, nth) => {
        if (nth === 2) socket.resetAndDestroy()
        else socket.write(OK)
      })
      const via = transport()
      expect((await finish(via, post(server.origin))).text).toBe('ok')
      expect(await finish(via, post(server.origin))).toMatchObject({ text: 'ok', error: null })
      expect(server.opened).toBe(2)
    })

    it('says that nothing was sent when the new connection of that second try is refused', async () => {
      const server = await serve((socket, nth) => {
        if (nth === 1) return socket.write(OK)
        servers.splice(servers.indexOf(server), 1)
        void server.close()
      })
      const via = transport()
      await finish(via, post(server.origin))
      const got = await finish(via, post(server.origin))
      expect(got).toMatchObject({ connected: false })
      expect(got.error?.fault).toBe('connect')
    })

    it('uses no connection that the provider closed while it was idle', async () => {
      const server = await serve((socket, nth) => {
        socket.write(OK)
        if (nth === 1) setTimeout(() => socket.end(), 10)
      })
      const via = transport()
      await finish(via, post(server.origin))
      await sleep(60)
      expect(await finish(via, post(server.origin))).toMatchObject({ text: 'ok' })
      expect(server.opened).toBe(2)
    })

    it.each([
      [
        'a reset in the body',
        (socket: Socket) => {
          socket.write(`${CHUNKED}5\r\nhello\r\n`)
          setTimeout(() => socket.resetAndDestroy(), 20)
        },
      ],
      ['an end in a chunked body', (socket: Socket) => socket.end(`${CHUNKED}5\r\nhello\r\n`)],
      [
        'an end before content-length',
        (socket: Socket) => socket.end('HTTP/1.1 200 OK\r\ncontent-length: 9\r\n\r\nhello'),
      ],
    ])('never takes %s for an end', async (_what, answer) => {
      const server = await serve((socket) => void answer(socket))
      const got = await finish(transport(), post(server.origin))
      expect(got).toMatchObject({ text: 'hello', ended: false, connected: true })
      expect(['reset', 'protocol']).toContain(got.error?.fault)
    })

    it.each([
      ['chunk sizes that are none', `${CHUNKED}zz\r\nhello\r\n`],
      ['a chunk longer than it said', `${CHUNKED}3\r\nhello\r\n0\r\n\r\n`],
      [
        'both a length and chunks',
        'HTTP/1.1 200 OK\r\ncontent-length: 3\r\ntransfer-encoding: chunked\r\n\r\n3\r\nabc\r\n0\r\n\r\n',
      ],
      ['two different lengths', 'HTTP/1.1 200 OK\r\ncontent-length: 3\r\ncontent-length: 4\r\n\r\nabcd'],
      ['another protocol', 'SSH-2.0-OpenSSH_9.2\r\n\r\n'],
      ['a head of 1 MB', `HTTP/1.1 200 OK\r\nx-bomb: ${'a'.repeat(1_000_000)}\r\ncontent-length: 0\r\n\r\n`],
      ['100,000 headers', `HTTP/1.1 200 OK\r\n${'a: b\r\n'.repeat(100_000)}content-length: 0\r\n\r\n`],
    ])('refuses an answer with %s', async (_what, wire) => {
      const server = await serve((socket) => socket.write(wire))
      const got = await finish(transport(), post(server.origin))
      expect(got).toMatchObject({ ended: false, connected: true })
      expect(got.error?.fault).toBe('protocol')
    })

    it('takes an answer that comes while the request is still being sent', async () => {
      const server = await serve((socket) => {
        socket.pause()
        socket.write('HTTP/1.1 413 Too Large\r\ncontent-length: 9\r\n\r\ntoo large')
        setTimeout(() => socket.resume(), 200)
      })
      const via = transport()
      const got = await finish(via, post(server.origin, Buffer.alloc(16 * 1024 * 1024)))
      expect(got).toMatchObject({ status: 413, text: 'too large', ended: true })
      // The rest of that request must not run into the next one: it gets another connection.
      const next = start(via, post(server.origin))
      await next.recorded.done.promise
      expect(next.recorded.status).toBe(413)
      expect(server.opened).toBe(2)
    })

    it('skips interim answers and ignores redirects', async () => {
      const server = await serve((socket, nth) => {
        socket.write('HTTP/1.1 103 Early Hints\r\nlink: </a>\r\n\r\n')
        socket.write(
          nth === 1 ? OK : 'HTTP/1.1 307 Moved\r\nlocation: http://127.0.0.1:1/\r\ncontent-length: 0\r\n\r\n',
        )
      })
      const via = transport()
      expect(await finish(via, post(server.origin))).toMatchObject({ status: 200, text: 'ok' })
      expect(await finish(via, post(server.origin))).toMatchObject({ status: 307, ended: true })
    })

    it('sends no header that could split the request', async () => {
      const server = await serve((socket) => socket.write(OK))
      const via = transport()
      const got = await finish(via, post(server.origin, '{}', { headers: ['x-a', 'b\r\nx-evil: 1'] }))
      expect(got).toMatchObject({ connected: false, status: 0 })
      expect(server.requests).toBe(0)
    })

    it('reaches a provider by IPv6', async () => {
      const server = await serve((socket) => socket.write(OK), '::1').catch(() => null)
      if (server === null) return
      expect((await finish(transport(), post(`http://[::1]:${server.port}`))).text).toBe('ok')
    })

    it('ends what is running and refuses what comes after its close', async () => {
      const server = await serve(() => {})
      const via = transport()
      const { recorded } = start(via, post(server.origin))
      while (server.requests === 0) await sleep(1)
      await via.close()
      await recorded.done.promise
      expect(recorded.error).not.toBeNull()
      expect((await finish(via, post(server.origin))).error?.fault).toBe('closed')
      while (server.sockets.size > 0) await sleep(1)
    })

    it('leaves no socket behind 300 aborts at random moments', async () => {
      const server = await serve((socket) => socket.write(`${CHUNKED}5\r\nhello\r\n`))
      const via = transport()
      await Promise.all(
        Array.from({ length: 300 }, async (_, i) => {
          const { call } = start(via, post(server.origin))
          await sleep(i % 40)
          call.abort()
        }),
      )
      const until = performance.now() + 2_000
      while (server.sockets.size > 0 && performance.now() < until) await sleep(5)
      expect(server.sockets.size).toBe(0)
    })
  })
}

/** A listening port whose queue is full and whose owner accepts nobody: connection attempts get no answer. */
async function deafServer(): Promise<{ port: number; child: ChildProcess }> {
  const script = `
    const server = require('node:net').createServer().listen({ port: 0, host: '127.0.0.1', backlog: 1 }, () => {
      process.stdout.write(String(server.address().port) + '\\n', () =>
        Atomics.wait(new Int32Array(new SharedArrayBuffer(4)), 0, 0))
    })`
  const child = spawn(process.execPath, ['-e', script], { stdio: ['ignore', 'pipe', 'ignore'] })
  const [line] = (await once(child.stdout!, 'data')) as [Buffer]
  const port = Number(line.toString())
  for (let i = 0; i < 8; i++)
    connect(port, '127.0.0.1')
      .on('error', () => {})
      .unref()
  await sleep(50)
  return { port, child }
}
