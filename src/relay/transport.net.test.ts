import { execFileSync } from 'node:child_process'
import { once } from 'node:events'
import { mkdtempSync, readFileSync, rmSync } from 'node:fs'
import { type AddressInfo, createServer as createTcpServer, type Socket } from 'node:net'
import { tmpdir } from 'node:os'
import { join } from 'node:path'
import { createServer as createTlsServer, type TLSSocket } from 'node:tls'
import { afterAll, afterEach, beforeAll, describe, expect, it } from 'vitest'
import { transportConformance } from './testing/transport.conformance.ts'
import { createTransport } from './transport.net.ts'
import type { Transport, UpstreamRequest } from './transport.ts'

transportConformance('our client', () => createTransport())

const closing: (() => unknown)[] = []
afterEach(async () => {
  for (const close of closing.splice(0)) await close()
})

function made(options: Parameters<typeof createTransport>[0] = {}): Transport {
  const transport = createTransport(options)
  closing.push(() => transport.close())
  return transport
}

/** What became of one call: the body, or the fault and whether the provider was reached. */
function call(via: Transport, origin: string, more: Partial<UpstreamRequest> = {}): Promise<string> {
  const request = { origin, path: '/', headers: [], body: '{}', connectTimeoutMs: 2_000, ...more }
  return new Promise((resolve) => {
    let text = ''
    const up = via.send(
      { method: 'POST', ...request },
      {
        onHead() {},
        onData(chunk) {
          text += chunk
          // A reader that is slow on every piece: nothing may get lost, the end included.
          setTimeout(() => up.resume(), 1)
          return false
        },
        onEnd: () => resolve(text),
        onError: (error, connected) => resolve(`${error.fault}, ${connected ? 'reached' : 'not reached'}`),
      },
    )
  })
}

/** A server that answers each read with `wire`; counts its connections. */
async function serve(wire: string) {
  const sockets: Socket[] = []
  const server = createTcpServer((socket) => {
    sockets.push(socket)
    socket.on('error', () => {})
    socket.on('data', () => socket.write(wire))
  })
  server.listen(0, '127.0.0.1')
  await once(server, 'listening')
  closing.push(() => {
    for (const socket of sockets) socket.destroy()
    server.close()
  })
  return { origin: `http://127.0.0.1:${(server.address() as AddressInfo).port}`, sockets }
}

const OK = 'HTTP/1.1 200 OK\r\ncontent-length: 2\r\n\r\nok'

describe('our client', () => {
  it('gives the end of an answer only to a reader that has taken all of it', async () => {
    const { origin } = await serve(
      'HTTP/1.1 200 OK\r\ntransfer-encoding: chunked\r\n\r\n2\r\nok\r\n0\r\n\r\n',
    )
    const via = made()
    for (let i = 0; i < 3; i++) expect(await call(via, origin)).toBe('ok')
  })

  it('uses no connection again that carried bytes beyond the end of its answer', async () => {
    const { origin, sockets } = await serve(`${OK}HTTP/1.1 200 OK\r\ncontent-length: 4\r\n\r\nevil`)
    const via = made()
    expect([await call(via, origin), await call(via, origin)]).toEqual(['ok', 'ok'])
    expect(sockets).toHaveLength(2)
  })

  it('uses no connection longer than the provider keeps it, nor longer than it is told', async () => {
    const short = await serve(
      `HTTP/1.1 200 OK\r\nkeep-alive: timeout=1, max=9\r\ncontent-length: 2\r\n\r\nok`,
    )
    const via = made({ idleMs: 30 })
    await call(via, short.origin)
    await call(via, short.origin)
    expect(short.sockets).toHaveLength(2)
    const idle = await serve(OK)
    await call(via, idle.origin)
    await new Promise((done) => setTimeout(done, 60))
    await call(via, idle.origin)
    expect(idle.sockets).toHaveLength(2)
  })

  it('fails at once beyond its limit of connections', async () => {
    const { origin } = await serve(OK)
    const via = made({ connectionsPerOrigin: 2 })
    const all = await Promise.all([call(via, origin), call(via, origin), call(via, origin)])
    expect(all).toEqual(['ok', 'ok', 'limit, not reached'])
    expect(await call(via, origin)).toBe('ok')
  })

  it.each([
    ['a header that says where the request ends', { headers: ['Content-Length', '0'] }],
    ['a header name with a line break', { headers: ['x\r\ny', '1'] }],
    ['a path with a space', { path: '/a b' }],
    ['a path with a line break', { path: '/a\r\nx: y' }],
  ])('sends no request with %s', async (_what, more) => {
    const { origin, sockets } = await serve(OK)
    expect(await call(made(), origin, more)).toBe('protocol, not reached')
    expect(sockets).toHaveLength(0)
  })

  it('sends a body beside a header that is not ASCII as they are', async () => {
    let sent = ''
    const { origin, sockets } = await serve(OK)
    const via = made()
    await call(via, origin)
    sockets[0]!.on('data', (data) => {
      sent += data.toString('latin1')
    })
    await call(via, origin, { headers: ['x-name', 'é'], body: '"é"' })
    expect(sent).toContain('x-name: \xe9\r\n')
    expect(sent).toMatch(/content-length: 4\r\n\r\n"\xc3\xa9"$/)
  })
})

const dir = mkdtempSync(join(tmpdir(), 'waybill-tls-'))
const certified = makeCertificate()
afterAll(() => rmSync(dir, { recursive: true, force: true }))

/** A certificate for `localhost` made on the spot; false where there is no openssl. */
function makeCertificate(): boolean {
  const args = 'req -x509 -newkey rsa:2048 -nodes -days 2 -subj /CN=localhost -keyout key.pem -out cert.pem'
  try {
    execFileSync('openssl', [...args.split(' '), '-addext', 'subjectAltName=DNS:localhost'], {
      cwd: dir,
      stdio: 'ignore',
    })
    return true
  } catch {
    return false
  }
}

describe.skipIf(!certified)('our client over TLS (needs openssl)', () => {
  let ca: string
  let port: number
  let address: string
  const seen: TLSSocket[] = []
  beforeAll(async () => {
    ca = readFileSync(join(dir, 'cert.pem'), 'utf8')
    const server = createTlsServer({ cert: ca, key: readFileSync(join(dir, 'key.pem')) }, (socket) => {
      seen.push(socket)
      socket.on('error', () => {})
      socket.on('data', () => socket.write(OK))
    })
    server.on('tlsClientError', () => {})
    server.listen(0, 'localhost')
    await once(server, 'listening')
    ;({ port, address } = server.address() as AddressInfo)
    return () => {
      for (const socket of seen) socket.destroy()
      server.close()
    }
  })

  it('trusts the certificates it is given, keeps connections and resumes sessions', async () => {
    const via = made({ ca })
    const origin = `https://localhost:${port}`
    expect(await call(via, origin)).toBe('ok')
    expect(await call(via, origin)).toBe('ok')
    expect(seen).toHaveLength(1)
    expect(await Promise.all([call(via, origin), call(via, origin)])).toEqual(['ok', 'ok'])
    expect(seen.map((socket) => socket.isSessionReused())).toEqual([false, true])
  })

  it('reaches nobody whose certificate is not trusted or not for that name', async () => {
    expect(await call(made(), `https://localhost:${port}`)).toBe('connect, not reached')
    const host = address.includes(':') ? `[${address}]` : address
    expect(await call(made({ ca }), `https://${host}:${port}`)).toBe('connect, not reached')
  })
})
