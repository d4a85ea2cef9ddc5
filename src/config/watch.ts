import { type FSWatcher, watch } from 'node:fs'
import { readFile } from 'node:fs/promises'
import { basename, dirname } from 'node:path'
import type { Config } from './config.ts'
import { type ConfigDiff, diffConfig, withoutRestart } from './diff.ts'
import type { LoadResult } from './load.ts'
import type { Problem } from './problem.ts'

export interface WatchOptions {
  /** Absolute path of the file. */
  readonly path: string
  /** Makes a configuration of the file's text; null when the file is gone. */
  readonly load: (text: string | null) => LoadResult
  /** The configuration in force. */
  readonly current: Config
  /** A good edit: `config` keeps the old values of what needs a restart; `diff.needsRestart` says which those are. */
  readonly onChange: (config: Config, diff: ConfigDiff, warnings: readonly Problem[]) => void
  /** A broken edit; the last good configuration stays in force. */
  readonly onError: (errors: readonly Problem[]) => void
  readonly debounceMs?: number
  /** Text of the file, or null when there is none. */
  readonly read?: (path: string) => Promise<string | null>
}

export interface ConfigWatch {
  /** Reads and applies the file now, changed or not: for SIGHUP. Resolves once the callbacks have run. */
  reload(): Promise<void>
  close(): void
}

/** What Kubernetes swaps when it updates a mounted configuration. Of other names nothing is to be made: a database may lie beside. */
const MOUNTED = '..data'

async function readText(path: string): Promise<string | null> {
  try {
    return await readFile(path, 'utf8')
  } catch (error) {
    if ((error as NodeJS.ErrnoException).code === 'ENOENT') return null
    throw error
  }
}

/**
 * Follows the file: parse, check, compare, hand over. The directory is watched, not the file, because editors and
 * orchestrators replace files by renaming. Where watching is not possible `reload` still works.
 */
export function watchConfig(options: WatchOptions): ConfigWatch {
  const { path, load, onChange, onError, debounceMs = 200, read = readText } = options
  let current = options.current
  let lastText: string | null | undefined
  let timer: NodeJS.Timeout | undefined
  let running: Promise<void> = Promise.resolve()
  let closed = false

  const apply = async (force: boolean): Promise<void> => {
    let text: string | null
    try {
      text = await read(path)
    } catch {
      onError([
        {
          where: path,
          message: 'The file cannot be read; is it readable for this user?',
          place: null,
          path: '',
        },
      ])
      return
    }
    if (closed || (!force && text === lastText)) return
    lastText = text
    const result = load(text)
    if (!result.ok) return onError(result.errors)
    const diff = diffConfig(current, result.config)
    if (diff.changed.length === 0) return
    current = withoutRestart(current, result.config)
    onChange(current, diff, result.warnings)
  }
  const enqueue = (force: boolean): Promise<void> => {
    running = running.then(() => apply(force))
    return running
  }
  const watcher = openWatcher(dirname(path), (name) => {
    if (name !== null && name !== basename(path) && name !== MOUNTED) return
    clearTimeout(timer)
    timer = setTimeout(() => void enqueue(false), debounceMs)
    timer.unref()
  })
  return {
    reload: () => enqueue(true),
    close: () => {
      closed = true
      clearTimeout(timer)
      watcher?.close()
    },
  }
}

function openWatcher(directory: string, changed: (name: string | null) => void): FSWatcher | null {
  try {
    const watcher = watch(directory, { persistent: false }, (_event, name) => changed(name))
    watcher.on('error', () => watcher.close())
    return watcher
  } catch {
    return null
  }
}
