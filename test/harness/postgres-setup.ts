import { rmSync } from 'node:fs'
import { createServer } from 'node:net'
import { join } from 'node:path'
import { findTool, temporaryHome } from './machine.ts'
import { SOCKET_VARIABLE } from './postgres.ts'
import { createPostgres, type PostgresServer } from './postgres-server.ts'

/**
 * Vitest's global setup: one Postgres for a whole test run, started when the first test asks for it. Test files run in
 * processes of their own and ask through a socket; this process answers with its address and ends it with the run.
 */
export default function setup(): (() => Promise<void>) | undefined {
  if (!findTool('postgres')) return undefined
  const home = temporaryHome('run')
  let server: Promise<PostgresServer> | undefined
  const socket = createServer((connection) => {
    connection.on('error', () => {})
    server ??= createPostgres()
    server.then(
      (postgres) => connection.end(JSON.stringify({ url: postgres.url('postgres') })),
      (error: unknown) => connection.end(JSON.stringify({ error: String(error) })),
    )
  })
  socket.listen(join(home, 'postgres'))
  socket.unref()
  process.env[SOCKET_VARIABLE] = join(home, 'postgres')
  const clean = () => rmSync(home, { recursive: true, force: true })
  process.once('exit', clean)
  return async () => {
    socket.close()
    await server?.then((postgres) => postgres.remove()).catch(() => {})
    clean()
  }
}
