import { createServer } from 'node:http'

export interface HookCall {
  readonly path: string
  readonly headers: Readonly<Record<string, string | string[] | undefined>>
  readonly body: string
}

/** Something on loopback that takes webhooks and answers as it is told. */
export interface Hook {
  readonly url: string
  readonly calls: HookCall[]
  /** The status of the next answers; the last one stays. */
  answers: number[]
  close(): Promise<void>
}

export async function hook(): Promise<Hook> {
  const server = createServer((request, response) => {
    let body = ''
    request.on('data', (chunk) => {
      body += chunk
    })
    request.on('end', () => {
      taken.calls.push({ path: request.url ?? '', headers: request.headers, body })
      const [status = 200] = taken.answers
      if (taken.answers.length > 1) taken.answers.shift()
      response.writeHead(status, { location: '/elsewhere' }).end('x')
    })
  })
  await new Promise<void>((ready) => server.listen(0, '127.0.0.1', ready))
  const { port } = server.address() as { port: number }
  const taken: Hook = {
    url: `http://127.0.0.1:${port}`,
    calls: [],
    answers: [200],
    close: async () => {
      server.closeAllConnections()
      await new Promise((done) => server.close(done))
    },
  }
  return taken
}
