import type { Worker } from 'node:worker_threads'
import { type SqlValue, StoreError } from '../store.ts'
import { isFailure, type Outcome, type Rows, toError } from './protocol.ts'
import type { ReaderMessage } from './reader.worker.ts'
import { startWorker } from './start-worker.ts'

/** A query that takes longer is given up, and its thread with it. */
const queryLimitMs = 30_000

/** So many queries may wait for a reader. */
const maxWaiting = 10_000

/** One reader thread, working on one message at a time. */
export class Reader {
  readonly #worker: Worker
  #ended: string | null = null
  #fail: ((error: StoreError) => void) | null = null

  constructor(dataDir: string) {
    this.#worker = startWorker('reader', { dataDir })
    this.#worker.on('error', (error) => this.#end(`the reader thread failed: ${String(error)}`))
    this.#worker.on('exit', () => this.#end('the database is closed'))
  }

  get ended(): boolean {
    return this.#ended !== null
  }

  query(sql: string, parameters: readonly SqlValue[]): Promise<Rows> {
    return this.#ask({ sql, parameters }, queryLimitMs)
  }

  async backup(file: string): Promise<void> {
    await this.#ask({ backup: file }, 0)
  }

  async stop(): Promise<void> {
    await this.#worker.terminate()
  }

  #ask(message: ReaderMessage, limitMs: number): Promise<Rows> {
    return new Promise((resolve, reject) => {
      if (this.#ended !== null) return reject(new StoreError(this.#ended))
      const done = (): void => {
        clearTimeout(timer)
        this.#worker.off('message', hear)
        this.#fail = null
      }
      const hear = (outcome: Outcome): void => {
        done()
        if (isFailure(outcome)) reject(toError(outcome))
        else resolve(outcome)
      }
      const timer =
        limitMs > 0
          ? setTimeout(() => this.#end(`a query took longer than ${limitMs / 1000} s`), limitMs)
          : undefined
      this.#fail = (error) => {
        done()
        reject(error)
      }
      this.#worker.on('message', hear)
      this.#worker.postMessage(message)
    })
  }

  #end(reason: string): void {
    if (this.#ended === null) void this.#worker.terminate()
    this.#ended ??= reason
    this.#fail?.(new StoreError(reason))
  }
}

/** Up to `size` readers, started when they are first needed. */
export class ReaderPool {
  readonly #dataDir: string
  readonly #size: number
  readonly #idle: Reader[] = []
  readonly #all = new Set<Reader>()
  readonly #queue: { resolve(reader: Reader): void; reject(error: StoreError): void }[] = []
  #closed = false

  constructor(dataDir: string, size: number) {
    this.#dataDir = dataDir
    this.#size = size
  }

  async query(sql: string, parameters: readonly SqlValue[]): Promise<Rows> {
    const reader = await this.acquire()
    try {
      return await reader.query(sql, parameters)
    } finally {
      this.release(reader)
    }
  }

  /** A reader for oneself, until it is released. */
  async acquire(): Promise<Reader> {
    if (this.#closed) throw new StoreError('the database is closed')
    for (let idle = this.#idle.pop(); idle; idle = this.#idle.pop()) {
      if (!idle.ended) return idle
      this.#all.delete(idle)
    }
    if (this.#all.size < this.#size) return this.#start()
    if (this.#queue.length >= maxWaiting) throw new StoreError(`${maxWaiting} queries wait already`)
    return new Promise((resolve, reject) => this.#queue.push({ resolve, reject }))
  }

  release(reader: Reader): void {
    if (reader.ended || this.#closed) this.#all.delete(reader)
    if (this.#closed) return
    const next = this.#queue.shift()
    if (next) next.resolve(reader.ended ? this.#start() : reader)
    else if (!reader.ended) this.#idle.push(reader)
  }

  /** Copies the database on a thread of its own, so that queries go on. */
  async backup(file: string): Promise<void> {
    if (this.#closed) throw new StoreError('the database is closed')
    const reader = new Reader(this.#dataDir)
    try {
      await reader.backup(file)
    } finally {
      await reader.stop()
    }
  }

  async close(): Promise<void> {
    this.#closed = true
    for (const waiter of this.#queue.splice(0)) waiter.reject(new StoreError('the database is closed'))
    await Promise.all([...this.#all].map((reader) => reader.stop()))
  }

  #start(): Reader {
    const reader = new Reader(this.#dataDir)
    this.#all.add(reader)
    return reader
  }
}
