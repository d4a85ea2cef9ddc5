import { readFileSync, writeFileSync } from 'node:fs'
import type { Reporter, TestCase, TestModule } from 'vitest/node'

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
 * Whether a skipped test may stay skipped where nothing else may: one that reads recorded traffic, which stands beside
 * the repository and not in it, and one that says `by design` in its `skip(note)`.
 */
export function isByDesign(test: CountedTest, source: string): boolean {
  const result = test.result()
  return result.note?.startsWith('by design') === true || /fixtures/i.test(source)
}

/** Counts tests; a file that could not be read and an error outside any test count as one failure each. */
export function count(
  tests: Iterable<CountedTest>,
  failures: number,
  sourceOf: (file: string) => string,
): TestCounts {
  const total = { passed: 0, failed: failures, skipped: 0 }
  const unexplained: string[] = []
  for (const test of tests) {
    const { state } = test.result()
    // A test that never came to its end (the run was interrupted) has not passed.
    total[state === 'pending' ? 'failed' : state]++
    if (state === 'skipped' && !isByDesign(test, sourceOf(test.module.moduleId)))
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
    writeFileSync(
      file,
      JSON.stringify(count(tests, broken.length + errors.length, (id) => readFileSync(id, 'utf8'))),
    )
  }
}
