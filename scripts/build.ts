// `npm run build`: dist/ for the published package: src/ as JavaScript, with the data files that it reads.

import { cpSync, globSync, readFileSync, rmSync, writeFileSync } from 'node:fs'
import { join } from 'node:path'
import { root, runProgram } from './program.ts'

/** `new URL('./writer.ts', import.meta.url)`: tsc rewrites the endings of imports, but not of these. */
const URL_OF_SOURCE = /(new URL\(\s*(['"])\.{1,2}\/[^'"]*)\.ts(?=\2)/g

/** The JavaScript of a module as it must be in dist/. */
export function rewriteUrls(code: string): string {
  return code.replace(URL_OF_SOURCE, '$1.js')
}

/** Relative paths that still end in .ts, in code: nothing of that name is in dist/. */
export function sourcesNamed(code: string): string[] {
  return [...code.matchAll(/(['"])(\.{1,2}\/[^'"\n]*\.ts)\1/g)].map((match) => match[2]!)
}

/** Data files of src/: everything but code and documentation of the tests. */
function copyData(from: string, to: string): void {
  cpSync(from, to, {
    recursive: true,
    filter: (path) => !/\.(ts|md)$/.test(path) && !/[\\/]testing$/.test(path),
  })
}

async function build(): Promise<number> {
  const dist = join(root, 'dist')
  rmSync(dist, { recursive: true, force: true })
  copyData(join(root, 'src'), dist)
  const code = await runProgram([join(root, 'node_modules/typescript/bin/tsc'), '-p', 'tsconfig.build.json'])
  if (code !== 0) return code
  for (const name of globSync('**/*.js', { cwd: dist })) {
    const file = join(dist, name)
    const text = rewriteUrls(readFileSync(file, 'utf8'))
    const left = sourcesNamed(text)
    if (left.length > 0) {
      console.error(
        `dist/${name} names ${left.join(', ')}: use an import, or new URL('….ts', import.meta.url).`,
      )
      return 1
    }
    writeFileSync(file, text)
  }
  return 0
}

if (process.argv[1] === import.meta.filename) process.exitCode = await build()
