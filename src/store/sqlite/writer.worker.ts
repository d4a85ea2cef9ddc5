import { parentPort, workerData } from 'node:worker_threads'
import { prepareDirectory, takeLock } from '../lock.ts'
import { StoreError } from '../store.ts'
import { openDatabase } from './database.ts'
import type { Cell, WriterMessage } from './protocol.ts'
import { toFailure } from './statements.ts'
import { Writer } from './writer.ts'

/** What the main thread hands over at the start. */
export interface WriterSettings {
  readonly dataDir: string
  /** How long to wait for a process that is about to end and still holds the directory, ms. */
  readonly lockWaitMs: number
}

/** How long a group gathers units when the one before it left some waiting, ms. */
const GATHER_MS = 1

const port = parentPort!
const post = (message: WriterMessage): void => port.postMessage(message)

function start({ dataDir, lockWaitMs }: WriterSettings): void {
  prepareDirectory(dataDir)
  const unlock = takeLock(dataDir, lockWaitMs)
  const db = openOrUnlock(dataDir, unlock)
  let scheduled = false
  const writer = new Writer(db, {
    answer: (answer) => post({ type: 'answer', answer }),
    tx: (outcome) => post({ type: 'tx', outcome }),
    close: () => {
      writer.abandon()
      db.close()
      unlock()
      port.close()
    },
  })
  const work = (): void => {
    scheduled = false
    writer.work()
    // More came while this group was on its way to disk: under such load a commit for each few units costs more than
    // the wait, so the next group gathers for a moment.
    if (writer.busy) schedule(GATHER_MS)
  }
  const schedule = (waitMs = 0): void => {
    if (scheduled || !writer.busy) return
    scheduled = true
    // After the messages that have arrived meanwhile: they join the group.
    if (waitMs === 0) setImmediate(work)
    else setTimeout(work, waitMs)
  }
  writer.onWake(() => schedule())
  port.on('message', (message: readonly Cell[]) => {
    writer.take(message)
    schedule()
  })
}

function openOrUnlock(dataDir: string, unlock: () => void): ReturnType<typeof openDatabase> {
  try {
    return openDatabase(dataDir)
  } catch (error) {
    unlock()
    throw new StoreError(`the database in ${dataDir} cannot be opened: ${toFailure(error).message}`)
  }
}

try {
  start(workerData as WriterSettings)
  post({ type: 'ready' })
} catch (error) {
  post({ type: 'refused', failure: toFailure(error) })
  port.close()
}
