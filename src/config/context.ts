import { isAbsolute, join, resolve } from 'node:path'
import type { Path } from './problem.ts'

/** Directories that defaults and relative paths hang from; all absolute. */
export interface Paths {
  readonly cwd: string
  readonly home: string
  /** Where the program itself lies. */
  readonly root: string
}

/** What building needs besides the values. */
export interface BuildContext {
  readonly paths: Paths
  /** Directory that relative paths of this value hang from: of the file, or the working directory. */
  readonly baseOf: (path: Path) => string
  /** `env:NAME` when the value is nothing but that variable, else `file`. */
  readonly keySource: (path: Path) => string
  readonly problem: (path: Path, message: string, atKey?: boolean) => void
}

/** `./data` beside a clone of the program, `~/.waybill` when it is installed as a package. */
export function defaultDataDirectory({ root, home }: Pick<Paths, 'root' | 'home'>): string {
  return root.split(/[\\/]/).includes('node_modules') ? join(home, '.waybill') : join(root, 'data')
}

/** Absolute path of a text in the file: `~/` is the home directory, the rest hangs from where the value stands. */
export function pathOf(text: string, path: Path, { paths, baseOf }: BuildContext): string {
  if (text === '~' || text.startsWith('~/')) return join(paths.home, text.slice(1))
  return isAbsolute(text) ? text : resolve(baseOf(path), text)
}
