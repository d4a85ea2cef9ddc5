import { type DestinationStream, pino } from 'pino'

/** The only fields a log line may carry: ids, codes, counts and times. Prompts, answers, keys and upstream texts have no field to be in. */
export interface LogFields {
  readonly id?: string
  readonly surface?: string
  readonly model?: string
  readonly provider?: string
  readonly endpoint?: string
  /** Where a key comes from, e.g. `openai/env:OPENAI_API_KEY`; never its value. */
  readonly credential?: string
  /** Kind and host of where alerts go; never the path, which may be a secret. */
  readonly destination?: string
  readonly attempt?: number
  readonly status?: number
  readonly code?: string
  readonly ms?: number
  readonly count?: number
  readonly file?: string
  readonly signal?: string
  /** Name of an internal error, and where it came from; never of a provider's. */
  readonly fault?: string
  readonly stack?: string
}

export interface Log {
  debug(message: string, fields?: LogFields): void
  info(message: string, fields?: LogFields): void
  warn(message: string, fields?: LogFields): void
  error(message: string, fields?: LogFields): void
  /** Writes what is buffered; for the end of the process. */
  flush(): void
}

export type LogLevel = 'silent' | 'error' | 'warn' | 'info' | 'debug'

const FIELDS: readonly (keyof LogFields)[] = [
  'id',
  'surface',
  'model',
  'provider',
  'endpoint',
  'credential',
  'destination',
  'attempt',
  'status',
  'code',
  'ms',
  'count',
  'file',
  'signal',
  'fault',
  'stack',
]

/** JSON lines through pino. Fields outside `LogFields` are cut off, whatever the caller passes. */
export function createLog(level: LogLevel, destination?: DestinationStream): Log {
  const logger = pino(
    { level, base: null, timestamp: pino.stdTimeFunctions.isoTime },
    destination ?? pino.destination(2),
  )
  const write =
    (at: 'debug' | 'info' | 'warn' | 'error') =>
    (message: string, fields: LogFields = {}) => {
      if (logger.isLevelEnabled(at)) logger[at](only(fields), message)
    }
  return {
    debug: write('debug'),
    info: write('info'),
    warn: write('warn'),
    error: write('error'),
    flush: () => logger.flush(),
  }
}

/** An internal error as fields: its name and stack without its message, which may quote input. */
export function faultFields(thrown: unknown): LogFields {
  if (!(thrown instanceof Error)) return { fault: typeof thrown }
  const frames = (thrown.stack ?? '').split('\n').filter((line) => /^\s+at /.test(line))
  return {
    fault: thrown.name,
    stack: frames
      .slice(0, 12)
      .map((line) => line.trim())
      .join(' | '),
  }
}

function only(fields: LogFields): LogFields {
  const kept: Record<string, unknown> = {}
  for (const name of FIELDS) if (fields[name] !== undefined) kept[name] = fields[name]
  return kept
}
