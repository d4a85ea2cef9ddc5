// `npm run test:faults`: the sixteen faults at full timings, through every surface; writes docs/reference/faults.md.
// `npm test` runs the same with scaled waits. Takes about two minutes.

import { join } from 'node:path'
import { root, runProgram } from './program.ts'

const vitest = join(root, 'node_modules/vitest/vitest.mjs')
process.exitCode = await runProgram([vitest, 'run', 'test/faults'], { env: { WAYBILL_TEST_FULL: '1' } })
