// `npm run test:routing-sim [-- REQUESTS]`: a million requests over twenty endpoints with outages, on a virtual clock.
// Prints what came of them and fails when routing broke one of its promises.

import { FULL, faultsOf, simulate } from '../src/routing/sim.fixture.ts'

const requests = Number(process.argv[2] ?? FULL.requests)
const started = performance.now()
const result = simulate({ ...FULL, requests })
const faults = faultsOf(result)
const { recoveries, paid, best, calls, succeeded, outages, opened, flaps } = result
const slowest = Math.max(0, ...recoveries.map(({ foundMs }) => foundMs))
const fullest = Math.max(0, ...recoveries.map(({ firstSecond }) => firstSecond))
const lines = [
  `${requests} requests in ${((performance.now() - started) / 1_000).toFixed(1)} s; ${outages} outages, ${recoveries.length} of endpoints in demand`,
  `${succeeded} succeeded, ${(calls / requests).toFixed(4)} calls a request`,
  `breakers opened ${opened} times, ${flaps} of them again though their endpoint was well`,
  `recovered endpoints found within ${(slowest / 1_000).toFixed(1)} s, ${Math.round(fullest * 100)} % of the load in their first second`,
  `cost ${(paid / best).toFixed(4)} of the cheapest healthy choice`,
  ...faults.map((fault) => `broken: ${fault}`),
]
for (const line of lines) console.log(line)
process.exitCode = faults.length > 0 ? 1 : 0
