import { extname } from 'node:path'

/** @returns the file of a worker beside this one: `.ts` when run from sources, `.js` when compiled */
export function workerUrl(name: 'writer' | 'reader'): URL {
  return new URL(`./${name}.worker${extname(import.meta.url)}`, import.meta.url)
}
