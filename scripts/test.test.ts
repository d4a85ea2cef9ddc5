import { describe, expect, it } from 'vitest'
import { TOOLS } from '../test/harness/machine.ts'
import { leftOutLines } from './test.ts'
import { type CountedTest, closingLine, count } from './test-reporter.ts'

const test = (
  state: 'passed' | 'failed' | 'skipped' | 'pending',
  file = 'a.test.ts',
  note?: string,
): CountedTest => ({
  fullName: `${file} is ${state}`,
  module: { moduleId: file },
  result: () => ({ state, note }),
})
const sources: Record<string, string> = { 'a.test.ts': 'plain', 'b.test.ts': "read('../shared/fixtures/x')" }
const counted = (tests: CountedTest[], failures = 0, recordings = false) =>
  count(tests, failures, (file) => sources[file] ?? '', recordings)

describe('the closing line', () => {
  it('tells passed and failed, and skipped when there are some', () => {
    expect(closingLine({ passed: 3, failed: 0, skipped: 0 })).toBe('3 passed, 0 failed')
    expect(closingLine({ passed: 3, failed: 1, skipped: 2 })).toBe('3 passed, 1 failed, 2 skipped')
  })
})

describe('counting', () => {
  it('counts a test without an end and everything outside tests as failed', () => {
    const total = counted([test('passed'), test('failed'), test('pending'), test('skipped')], 2)
    expect(total).toMatchObject({ passed: 1, failed: 4, skipped: 1 })
  })

  it('names skipped tests unless missing recordings or the design explain them', () => {
    const tests = [
      test('skipped'),
      test('skipped', 'b.test.ts'),
      test('skipped', 'a.test.ts', 'by design: Linux only'),
    ]
    expect(counted(tests).unexplained).toEqual(['a.test.ts is skipped'])
    expect(counted(tests, 0, true).unexplained).toEqual(['a.test.ts is skipped', 'b.test.ts is skipped'])
  })
})

describe('what is left out', () => {
  it('is named with the one command that enables it', () => {
    expect(leftOutLines(TOOLS.slice(0, 1), 'linux')).toEqual([
      'left out: everything on Postgres (postgres is missing; `sudo apt-get install -y postgresql` enables it)',
    ])
    expect(leftOutLines(TOOLS.slice(0, 1), 'win32')).toEqual([
      'left out: everything on Postgres (postgres is missing)',
    ])
  })
})
