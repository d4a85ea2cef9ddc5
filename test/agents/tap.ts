import { once } from 'node:events'
import { createServer, request as forward, type IncomingHttpHeaders } from 'node:http'
import type { AddressInfo } from 'node:net'

/** One call of an agent, as it passed between it and the gateway. */
export interface Exchange {
  readonly method: string
  /** With its query. */
  readonly path: string
  readonly headers: IncomingHttpHeaders
  readonly body: string
  /** 0: the agent left before there was an answer. */
  status: number
  answered: IncomingHttpHeaders
  answer: string
}

/** A listener that hands every call on to the gateway, unchanged, and keeps book. */
export interface Tap {
  readonly url: string
  readonly exchanges: readonly Exchange[]
  close(): Promise<void>
}

export async function tapOn(gateway: string): Promise<Tap> {
  const exchanges: Exchange[] = []
  const to = new URL(gateway)
  const server = createServer((asked, answer) => {
    const parts: Buffer[] = []
    asked.on('error', () => {})
    asked.on('data', (part) => parts.push(part))
    asked.on('end', () => {
      const body = Buffer.concat(parts)
      const { method = '', url: path = '', headers } = asked
      const exchange: Exchange = {
        method,
        path,
        headers,
        body: body.toString(),
        status: 0,
        answered: {},
        answer: '',
      }
      exchanges.push(exchange)
      const onward = forward(
        { host: to.hostname, port: to.port, method, path, headers: { ...headers, host: to.host } },
        (response) => {
          exchange.status = response.statusCode ?? 0
          exchange.answered = response.headers
          answer.writeHead(exchange.status, response.headers)
          response.on('data', (part: Buffer) => {
            exchange.answer += part.toString()
          })
          response.on('error', () => answer.destroy())
          response.pipe(answer)
        },
      )
      onward.on('error', () => answer.destroy())
      answer.on('close', () => onward.destroy())
      onward.end(body)
    })
  })
  server.listen(0, '127.0.0.1')
  await once(server, 'listening')
  const { port } = server.address() as AddressInfo
  const close = async () => {
    server.close()
    server.closeAllConnections()
    await once(server, 'close')
  }
  return { url: `http://127.0.0.1:${port}`, exchanges, close }
}
