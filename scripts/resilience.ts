// `npm run test:resilience`: ten thousand requests for each way in which one of three providers can fail, at the timings
// of the defaults; `npm test` runs the same with a thousand each. Takes about five minutes.

import { join } from 'node:path'
import { root, runProgram } from './program.ts'

const vitest = join(root, 'node_modules/vitest/vitest.mjs')
process.exitCode = await runProgram([vitest, 'run', 'test/e2e/resilience-kinds.test.ts'], {
  env: { WAYBILL_TEST_FULL: '1' },
})
