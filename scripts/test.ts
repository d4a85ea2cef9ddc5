// `npm test [-- vitest's arguments]`: says what this machine cannot test and which command changes that, runs vitest
// and ends with the line "N passed, N failed". With WAYBILL_TEST_ALL=1 (.ci/run) nothing may be left out.

import { existsSync, readFileSync, rmSync } from 'node:fs'
import { join } from 'node:path'
import {
  findTool,
  installCommand,
  leaveOutVariable,
  TOOLS,
  type Tool,
  temporaryHome,
} from '../test/harness/machine.ts'
import { root, runProgram } from './program.ts'
import { COUNTS_VARIABLE, closingLine, type TestCounts } from './test-reporter.ts'

/** Lines that name what is left out here, each with the one command that enables it. */
export function leftOutLines(
  missing: readonly Tool[],
  platform: NodeJS.Platform = process.platform,
): string[] {
  return missing.map((tool) => {
    const command = installCommand(tool, platform)
    return `left out: ${tool.leftOut} (${tool.name} is missing${command ? `; \`${command}\` enables it` : ''})`
  })
}

function readCounts(file: string): TestCounts | undefined {
  return existsSync(file) ? (JSON.parse(readFileSync(file, 'utf8')) as TestCounts) : undefined
}

/** Runs the tests and prints; returns the counts, in which everything that went wrong is a failure. */
export async function runTests(args: readonly string[]): Promise<TestCounts> {
  const complete = process.env['WAYBILL_TEST_ALL'] === '1'
  const missing = TOOLS.filter((tool) => findTool(tool.name) === undefined)
  for (const line of leftOutLines(missing)) console.log(line)
  if (complete && missing.length > 0) {
    console.log('Nothing may be left out here (WAYBILL_TEST_ALL=1).')
    return { passed: 0, failed: missing.length, skipped: 0, unexplained: [] }
  }
  const home = temporaryHome('counts')
  process.once('exit', () => rmSync(home, { recursive: true, force: true }))
  const file = join(home, 'counts.json')
  const tools = TOOLS.map((tool) => [leaveOutVariable(tool.name), missing.includes(tool) ? '0' : '1'])
  const vitest = join(root, 'node_modules/vitest/vitest.mjs')
  const reporters = ['--reporter=default', `--reporter=${join(root, 'scripts/test-reporter.ts')}`]
  const code = await runProgram([vitest, 'run', ...reporters, ...args], {
    env: { ...Object.fromEntries(tools), [COUNTS_VARIABLE]: file },
  })
  const counts = readCounts(file)
  if (!counts) return { passed: 0, failed: 1, skipped: 0, unexplained: [] }
  const unexplained = complete ? counts.unexplained : []
  for (const name of unexplained) console.log(`skipped without a known reason: ${name}`)
  const failed = counts.failed + unexplained.length
  return {
    ...counts,
    skipped: counts.skipped - unexplained.length,
    failed: code !== 0 && failed === 0 ? 1 : failed,
  }
}

if (process.argv[1] === import.meta.filename) {
  const counts = await runTests(process.argv.slice(2))
  console.log(closingLine(counts))
  process.exitCode = counts.failed > 0 ? 1 : 0
}
