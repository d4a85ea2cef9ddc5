import { readFileSync, writeFileSync } from 'node:fs'
import type { Reporter, TestCase, TestModule } from 'vitest/node'
import { hasFixtures } from '../test/fixtures.ts'

/** What a test run came to, as the reporter leaves it for the program that started vitest. */
export interface TestCounts {
  readonly passed: number
  readonly failed: number
  readonly skipped: number
  /** Full names of skipped tests that no known reason explains: a mistake where nothing may be left out. */
  readonly unexplained: readonly string[]
}

/** The file to leave the counts in; without it the reporter counts for nobody. */
export const COUNTS_VARIABLE = 'WAYBILL_TEST_COUNTS'

/** The closing line of every command that tests: `3 passed, 0 failed`, `, 1 skipped` when there are some. */
export function closingLine({
  passed,
  failed,
  skipped,
}: Pick<TestCounts, 'passed' | 'failed' | 'skipped'>): string {
  return `${passed} passed, ${failed} failed${skipped > 0 ? `, ${skipped} skipped` : ''}`
}

/** The part of vitest's test case that is counted. */
export type CountedTest = Pick<TestCase, 'fullName'> & {
  readonly module: { readonly moduleId: string }
  result(): { readonly state: ReturnType<TestCase['result']>['state']; readonly note?: string | undefined }
}

/**
 * Whether a skipped test may stay skipped where nothing else may: one that says `by design` in its `skip(note)`, and one
 * that reads recorded traffic while there is none: it stands beside the repository and not in it.
 */
function isByDesign(test: CountedTest, source: string, recordings: boolean): boolean {
  return test.result().note?.startsWith('by design') === true || (!recordings && /fixtures/i.test(source))
}

/**
 * Counts tests. `failures` are those outside tests: files that could not be read, errors without a test. `sourceOf`
 * reads a test file; `recordings` tells whether the recorded traffic is there.
 */
export function count(
  tests: Iterable<CountedTest>,
  failures: number,
  sourceOf: (file: string) => string,
  recordings: boolean,
): TestCounts {
  const total = { passed: 0, failed: failures, skipped: 0 }
  const unexplained: string[] = []
  for (const test of tests) {
    const { state } = test.result()
    // A test that never came to its end (the run was interrupted) has not passed.
    total[state === 'pending' ? 'failed' : state]++
    if (state === 'skipped' && !isByDesign(test, sourceOf(test.module.moduleId), recordings))
      unexplained.push(test.fullName)
  }
  return { ...total, unexplained }
}

/** Vitest's reporter that leaves the counts in the file named by WAYBILL_TEST_COUNTS. */
export default class CountingReporter implements Reporter {
  onTestRunEnd(modules: readonly TestModule[], errors: readonly unknown[]): void {
    const file = process.env[COUNTS_VARIABLE]
    if (!file) return
    const tests = modules.flatMap((module) => [...module.children.allTests()])
    const broken = modules.filter((module) => {
      const suites = [...module.children.allSuites()]
      return module.errors().length + suites.flatMap((suite) => suite.errors()).length > 0
    })
    const failures = broken.length + errors.length
    const counts = count(tests, failures, (id) => readFileSync(id, 'utf8'), hasFixtures)
    writeFileSync(file, JSON.stringify(counts))
  }
}
