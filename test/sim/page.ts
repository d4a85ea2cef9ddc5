import type { Totals } from './run.ts'

export interface Circumstances {
  readonly seed: number
  readonly commit: string
  /** ISO day. */
  readonly when: string
  /** Processor and Node. */
  readonly where: string
  readonly seconds: number
}

/** The page of the last long run, in Markdown. */
export function simulationPage(
  totals: Totals,
  { seed, commit, when, where, seconds }: Circumstances,
): string {
  const n = (value: number) => value.toLocaleString('en-US')
  return `# Simulation of the ledger

Written by \`npm run test:sim\`; do not edit. ${when}, commit ${commit}, ${where}.

**${n(totals.requests)} requests, no invariant broken.** Seed ${seed}, ${n(Math.round(seconds))} s; SHA-256 of the trace
\`${totals.trace}\`: the same seed at the same commit gives the same.

| | |
|---|---|
| worlds, each with an empty database and 10 clients | ${n(totals.episodes)} |
| requests whose end their client saw, each accounted for once | ${n(totals.settled)} |
| requests that money refused | ${n(totals.refused)} |
| writes to the store | ${n(totals.writes)} |
| crashes of the process | ${n(totals.crashes)} |
| of these at the boundary of a write, just before or just after it was on disk | ${n(totals.crashesAtWrites)} |
| failed reads, failed writes, and writes that were made though their answer says no | ${n(totals.storeFaults)} |
| jumps of the wall clock, from two hours back to a month ahead | ${n(totals.clockJumps)} |

The embedded ledger runs as it is, on an SQLite database in memory; timers, the wall clock, the disk's answers and the
clients come from the seed. Clients reserve, stream with checkpoints, extend, settle (also twice, or long after their hold
ran out), release, leave holds behind, top up and correct credit, under caps and price lists that change meanwhile. In every
other world the faults stop half-way but for one that stays (slow writes, slow reads, a clock that stands or is set): then
somebody who can pay is served within 5 s and everything that was open is resolved within 60 s.

After every write no account is overdrawn and no cap passed. After every crash and at the end, all rows are added up anew
by code that shares nothing with the ledger: I1 to I8 and I10 to I14 of the ledger's invariants (journals and accounts add
up, each answer that a client saw complete is charged once at the price of its admission, what a crash left open is
resolved by its last checkpoint, usage rows equal charges, nothing changes when it is done again). A test shows that charges
do not depend on the order of events (I9), one that a process may die at any write, and one that bugs which are put in are
found. Not simulated: SQLite's own files (see [crash](crash.md)) and Postgres.

\`npm test\` runs 20,000 requests. \`npm run test:sim -- --requests N --seed S\` runs more; a violation names the seed of its
world, and \`npm run test:sim -- --world SEED\` runs that one again.
`
}
