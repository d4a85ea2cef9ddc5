// `npm run test:crash [-- --cycles N]`: the real program is killed N times (200 when not said) under mixed load, then a
// fifth as often on Postgres, which is stopped hard every fifth time; writes docs/reference/crash.md.

import { join } from 'node:path'
import { parseArgs } from 'node:util'
import { root, runProgram } from './program.ts'

const { values } = parseArgs({ options: { cycles: { type: 'string' }, seed: { type: 'string' } } })
const vitest = join(root, 'node_modules/vitest/vitest.mjs')
process.exitCode = await runProgram([vitest, 'run', 'test/e2e/crash.test.ts'], {
  env: {
    WAYBILL_KILL_CYCLES: values.cycles ?? '200',
    WAYBILL_CRASH_PAGE: '1',
    ...(values.seed !== undefined && { WAYBILL_KILL_SEED: values.seed }),
  },
})
