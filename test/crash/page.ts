/** What came of killing a gateway again and again. */
export interface CrashResult {
  /** Where its money was. */
  readonly store: string
  readonly kills: number
  /** Hard stops of the database. */
  readonly databaseStops: number
  readonly asked: number
  /** Answers that a client saw complete. */
  readonly complete: number
  /** Clients that left in the middle. */
  readonly left: number
  /** 402: the cap of a key. */
  readonly refused: number
  /** Calls that recovery charged by their last checkpoint. */
  readonly interrupted: number
  readonly seconds: number
}

export interface Circumstances {
  readonly seed: number
  readonly commit: string
  /** ISO day. */
  readonly when: string
  /** Processor, Node and load. */
  readonly where: string
}

/** The page of the last run in which nothing was wrong, in Markdown. */
export function crashPage(
  results: readonly CrashResult[],
  { seed, commit, when, where }: Circumstances,
): string {
  const n = (value: number) => Math.round(value).toLocaleString('en-US')
  const rows = results.map(
    (it) =>
      `| ${it.store} | ${n(it.kills)} | ${n(it.databaseStops)} | ${n(it.asked)} | ${n(it.complete)} | ${n(it.left)} | ${n(it.refused)} | ${n(it.interrupted)} | 0 | 0 | ${n(it.seconds)} |`,
  )
  return `# Crashes

Written by \`npm run test:crash\`; do not edit. ${when}, commit ${commit}, seed ${seed}, ${where}.

**Nothing that a client saw complete is missing or was charged twice.**

| store | kill -9 | hard stops of the database | requests | seen complete | clients that left | refused with 402 | charged by a checkpoint | missing | double | seconds |
|---|---|---|---|---|---|---|---|---|---|---|
${rows.join('\n')}

The real program is killed with SIGKILL at a random moment within half a second of load and started again on the same data.
Twenty-four clients ask without pause: half of the answers are streamed, every seventh client leaves in the middle, every
sixth request comes with a key whose cap is soon used up and raised a little now and then. After every restart nothing may be
held. Every tenth time (with more than 500 kills: fifty times in all) three books must agree: what clients saw, what the
provider has answered, and the ledger's rows. Each complete answer has exactly one charge at its price; no charge is without a
call at the provider; charges, usage rows and balance add up; the key is within its cap; the ledger verifies itself.

\`npm test\` does the same a hundred times (twenty on Postgres), \`npm run test:crash -- --cycles N\` as often as you say. A
killed process leaves what it wrote with the operating system: for power cuts, a test shows with \`strace\` that the ledger is
synced before the last bytes of an answer are sent.
`
}
