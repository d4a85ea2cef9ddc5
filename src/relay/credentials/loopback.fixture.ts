import { createServer, type IncomingMessage, type Server } from 'node:http'
import { onTestFinished } from 'vitest'
import { createTransport } from '../transport.net.ts'

export interface Seen {
  readonly method: string
  readonly path: string
  readonly headers: IncomingMessage['headers']
  readonly body: string
}

export interface Reply {
  readonly status?: number
  readonly body: string | object
}

/** A service on this machine that keeps what it was asked; ends with the test. `null` closes the connection unanswered. */
export async function service(answer: (seen: Seen) => Reply | null): Promise<{ url: string; seen: Seen[] }> {
  const seen: Seen[] = []
  const server: Server = createServer((request, response) => {
    const parts: Buffer[] = []
    request.on('data', (part: Buffer) => parts.push(part))
    request.on('end', () => {
      const { method = '', url: path = '', headers } = request
      const asked = { method, path, headers, body: Buffer.concat(parts).toString() }
      seen.push(asked)
      const reply = answer(asked)
      if (reply === null) {
        request.socket.destroy()
        return
      }
      response.writeHead(reply.status ?? 200)
      response.end(typeof reply.body === 'string' ? reply.body : JSON.stringify(reply.body))
    })
  })
  await new Promise<void>((resolve) => server.listen(0, '127.0.0.1', resolve))
  onTestFinished(() => {
    server.closeAllConnections()
    server.close()
  })
  const address = server.address() as { port: number }
  return { url: `http://127.0.0.1:${address.port}`, seen }
}

export const START = Date.UTC(2026, 0, 1)

/** What credentials need: the network of this machine, a clock that stands still until it is moved, and files by name. */
export function surroundings(files: Record<string, string> = {}) {
  const transport = createTransport()
  onTestFinished(() => transport.close())
  const clock = { ms: 0, now: () => START + clock.ms, tick: () => clock.ms }
  const read = (file: string): Promise<string> => {
    const text = files[file]
    return text === undefined ? Promise.reject(new Error('ENOENT')) : Promise.resolve(text)
  }
  return { transport, clock, read, files }
}

/** Wall clock `ms` after the start, as services write it. */
export const later = (ms: number): string => new Date(START + ms).toISOString()
