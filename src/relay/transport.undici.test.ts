import { once } from 'node:events'
import { createServer } from 'node:http'
import { type AddressInfo, connect, type Socket } from 'node:net'
import { afterEach, describe, expect, it } from 'vitest'
import { transportConformance } from './testing/transport.conformance.ts'
import { createUndiciTransport } from './transport.undici.ts'

transportConformance('undici', () => createUndiciTransport())

const closing: (() => Promise<unknown> | unknown)[] = []

afterEach(async () => {
  for (const close of closing.splice(0)) await close()
})

/** A server on the loopback; `hits` lists request lines, CONNECT included. */
async function serve(answer: string) {
  const hits: string[] = []
  const server = createServer((request, response) => {
    hits.push(`${request.method} ${request.url}`)
    response.end(answer)
  })
  server.on('connect', (request, socket: Socket, head: Buffer) => {
    hits.push(`CONNECT ${request.url}`)
    const [host, port] = request.url!.split(':')
    const target = connect(Number(port), host, () => {
      socket.write('HTTP/1.1 200 Connection Established\r\n\r\n')
      target.write(head)
      target.pipe(socket).pipe(target)
    })
    for (const end of [socket, target]) end.on('error', () => {})
  })
  server.listen(0, '127.0.0.1')
  await once(server, 'listening')
  closing.push(() => {
    server.closeAllConnections()
    server.close()
  })
  return { hits, url: `http://127.0.0.1:${(server.address() as AddressInfo).port}` }
}

function get(transport: ReturnType<typeof createUndiciTransport>, origin: string) {
  const request = {
    origin,
    path: '/x',
    method: 'GET',
    headers: [],
    body: null,
    connectTimeoutMs: 1_000,
  } as const
  return new Promise<string>((resolve) => {
    let text = ''
    transport.send(request, {
      onHead: () => {},
      onData: (chunk) => {
        text += chunk
        return true
      },
      onEnd: () => resolve(text),
      onError: (error) => resolve(error.fault),
    })
  })
}

describe('the undici transport', () => {
  it('goes through a proxy when it is given one, and past it where the list says so', async () => {
    const provider = await serve('hello')
    const proxy = await serve('the proxy itself')
    const via = createUndiciTransport({ proxy: { http: proxy.url, https: null, noProxy: null } })
    const past = createUndiciTransport({ proxy: { http: proxy.url, https: null, noProxy: '127.0.0.1' } })
    closing.push(
      () => via.close(),
      () => past.close(),
    )
    expect(await get(via, provider.url)).toMatch(/hello|the proxy itself/)
    expect(proxy.hits).toHaveLength(1)
    expect(await get(past, provider.url)).toBe('hello')
    expect(proxy.hits).toHaveLength(1)
  })

  it('looks into no environment by itself', async () => {
    const provider = await serve('hello')
    process.env['http_proxy'] = 'http://127.0.0.1:1'
    closing.push(() => delete process.env['http_proxy'])
    const transport = createUndiciTransport()
    closing.push(() => transport.close())
    expect(await get(transport, provider.url)).toBe('hello')
  })

  it('fails at once beyond its limit of connections', async () => {
    const provider = await serve('hello')
    const transport = createUndiciTransport({ connectionsPerOrigin: 2 })
    closing.push(() => transport.close())
    const all = await Promise.all(Array.from({ length: 3 }, () => get(transport, provider.url)))
    expect(all).toEqual(['hello', 'hello', 'limit'])
    expect(await get(transport, provider.url)).toBe('hello')
  })
})
