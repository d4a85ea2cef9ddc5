import type { ParseArgsOptionsConfig } from 'node:util'
import type { Client } from './client.ts'

/** Exit codes, stable: scripts may rely on them. */
export const EXIT = { ok: 0, failed: 1, usage: 2, unreachable: 3, auth: 4, money: 5 } as const

/** Ends a command with a sentence on stderr and an exit code. */
export class CommandError extends Error {
  readonly exit: number

  constructor(message: string, exit: number = EXIT.failed) {
    super(message)
    this.exit = exit
  }
}

/** What can be done with a data directory while no server runs on it. */
export interface Offline {
  verify(): Promise<unknown>
  restore(file: string): Promise<void>
}

/** What a command gets to work with. Data goes to `out`, talk to `say`. */
export interface CommandContext {
  readonly args: readonly string[]
  readonly flags: Readonly<Record<string, string | boolean | undefined>>
  readonly json: boolean
  /** Absolute path of a file or directory that was named. */
  path(name: string): string
  /** Connects to the running server; throws CommandError when none answers. */
  client(): Promise<Client>
  /** The data directory of `--data` opened directly, when no server runs on it; null when one does, or without `--data`. */
  offline(data: string | boolean | undefined): Promise<Offline | null>
  /** Prints a line of data to stdout. */
  out(line: string): void
  /** Resolves when what was printed has left: long output must not pile up in memory. */
  flushed(): Promise<void>
  /** Prints a line for people to stderr; silent with --quiet. */
  say(line: string): void
}

export interface Command {
  /** Words of the command, e.g. `keys create`. */
  readonly name: string
  readonly summary: string
  /** Arguments as shown in help, e.g. `NAME`. */
  readonly args: string
  readonly options: ParseArgsOptionsConfig
  /** What each option means, by name, for help. */
  readonly help: Readonly<Record<string, string>>
  /** At least two. */
  readonly examples: readonly string[]
  run(context: CommandContext): Promise<number>
}

/** The whole number that a flag gives; undefined without the flag. Throws CommandError (usage) for anything else. */
export function wholeNumber(flags: CommandContext['flags'], name: string): number | undefined {
  const value = flags[name]
  if (value === undefined) return undefined
  if (typeof value === 'string' && /^\d{1,9}$/.test(value)) return Number(value)
  throw new CommandError(`--${name} must be a whole number, not "${value}".`, EXIT.usage)
}
