import type { Connection, Submittable } from 'pg'
import type { SqlValue } from '../store.ts'

/** A statement with its parameters; `name` is unique for the text. */
export interface Command {
  readonly name: string
  readonly text: string
  readonly values: readonly SqlValue[]
}

/** How far a flight came: rows changed by each command that completed, and the error that ended it. */
export interface Landing {
  readonly changes: readonly number[]
  readonly error: Error | null
}

/** Statements that are known to be prepared on a connection. */
const prepared = new WeakMap<Connection, Set<string>>()

/**
 * Many statements in one round trip: parse (the first time), bind and execute for each, one sync at the end. The server
 * works them off in order and skips the rest after an error
 * (https://www.postgresql.org/docs/current/protocol-flow.html#PROTOCOL-FLOW-EXT-QUERY).
 */
export class Flight implements Submittable {
  readonly landed: Promise<Landing>
  readonly #commands: readonly Command[]
  readonly #changes: number[] = []
  #known: Set<string> = new Set()
  #connection: Connection | null = null
  #land: (landing: Landing) => void = () => {}

  constructor(commands: readonly Command[]) {
    this.#commands = commands
    this.landed = new Promise((resolve) => {
      this.#land = resolve
    })
  }

  submit(connection: Connection): void {
    let known = prepared.get(connection)
    if (!known) {
      known = new Set()
      prepared.set(connection, known)
    }
    this.#known = known
    this.#connection = connection
    const sent = new Set<string>()
    connection.stream.cork()
    for (const { name, text, values } of this.#commands) {
      if (!known.has(name) && !sent.has(name)) {
        // An earlier flight may have prepared it and failed afterwards; closing what does not exist is no error.
        connection.close({ type: 'S', name }, true)
        connection.parse({ name, text, types: [] }, true)
        sent.add(name)
      }
      connection.bind({ portal: '', statement: name, values: values.map(toWire) }, true)
      connection.execute({ portal: '' }, true)
    }
    connection.sync()
    connection.stream.uncork()
  }

  /** Cuts the connection that does not answer; whatever waits on it fails. */
  abort(): void {
    this.#connection?.stream.destroy(new Error('no answer in time'))
    this.handleError(new Error('no answer in time'))
  }

  handleCommandComplete({ text }: { text: string }): void {
    this.#known.add(this.#commands[this.#changes.length]!.name)
    this.#changes.push(Number(/\d+$/.exec(text)?.[0] ?? 0))
  }

  /** Rows are asked for by nobody. */
  handleDataRow(): void {}

  handleRowDescription(): void {}

  handleEmptyQuery(): void {
    this.#changes.push(0)
  }

  handleError(error: Error): void {
    this.#land({ changes: this.#changes, error })
  }

  handleReadyForQuery(): void {
    this.#land({ changes: this.#changes, error: null })
  }
}

function toWire(value: SqlValue): string | Buffer | null {
  if (value === null || typeof value === 'string') return value
  if (value instanceof Uint8Array) return Buffer.from(value.buffer, value.byteOffset, value.byteLength)
  return String(value)
}
