// `npm run check`: everything that a change has to pass, here as in CI. Every step runs, even after one that failed.

import { join } from 'node:path'
import { root, runProgram } from './program.ts'
import { runTests } from './test.ts'
import { closingLine } from './test-reporter.ts'

const bin = (path: string) => join(root, 'node_modules', path)

/** The steps before the tests, quiet unless they fail. */
const STEPS: readonly { readonly name: string; readonly args: readonly string[] }[] = [
  { name: 'format and lint', args: [bin('@biomejs/biome/bin/biome'), 'check', '--error-on-warnings'] },
  { name: 'types', args: [bin('typescript/bin/tsc'), '-p', '.'] },
  { name: 'rooms', args: ['--disable-warning=ExperimentalWarning', join(root, 'scripts/check-rooms.ts')] },
  { name: 'unused code', args: [bin('knip/bin/knip.js')] },
]

function report(name: string, passed: boolean, began: number): void {
  console.log(`${passed ? 'ok  ' : 'FAIL'}  ${name}  ${((performance.now() - began) / 1000).toFixed(1)} s`)
}

const failed: string[] = []
for (const { name, args } of STEPS) {
  const began = performance.now()
  let output = ''
  const code = await runProgram(args, {
    output: (piece) => {
      output += piece
    },
  })
  report(name, code === 0, began)
  if (code === 0) continue
  failed.push(name)
  console.log(output.trimEnd())
}
const began = performance.now()
const tests = await runTests(process.argv.slice(2))
report('tests', tests.failed === 0, began)
if (tests.failed > 0) failed.push('tests')

if (failed.length > 0) console.log(`failed: ${failed.join(', ')}`)
const stepsFailed = failed.filter((name) => name !== 'tests').length
console.log(
  closingLine({
    passed: tests.passed + STEPS.length - stepsFailed,
    failed: tests.failed + stepsFailed,
    skipped: tests.skipped,
  }),
)
process.exitCode = failed.length > 0 ? 1 : 0
