import { parentPort, workerData } from 'node:worker_threads'
import { backup } from './backup.ts'
import { openReader } from './database.ts'
import { type Cell, noRows, type Outcome } from './protocol.ts'
import { Statements, toFailure } from './statements.ts'

/** A query, or a copy of the whole database to a file. */
export type ReaderMessage =
  | { readonly sql: string; readonly parameters: readonly Cell[] }
  | { readonly backup: string }

const port = parentPort!
const db = openReader((workerData as { dataDir: string }).dataDir)
const statements = new Statements(db)

async function answer(message: ReaderMessage): Promise<Outcome> {
  try {
    if ('sql' in message) return statements.run(message.sql, message.parameters)
    await backup(db, message.backup)
    return noRows
  } catch (error) {
    return toFailure(error)
  }
}

port.on('message', async (message: ReaderMessage) => port.postMessage(await answer(message)))
