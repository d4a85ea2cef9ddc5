import { score, type Verdict } from './run.ts'
import { SURFACES, type SurfaceName } from './surfaces.ts'

const NAMES = Object.keys(SURFACES) as SurfaceName[]

/** The page of results, in Markdown. `when`: day of the run; `where`: the machine's processor and Node. */
export function faultsPage(verdicts: readonly Verdict[], when: string, where: string): string {
  const ids = [...new Set(verdicts.map(({ id }) => id))].toSorted()
  const rows = ids.map((id) => {
    const of = NAMES.map((surface) => verdicts.find((it) => it.id === id && it.surface === surface)!)
    const { title, bound } = of[0]!
    return `| ${id} | ${title} | ${bound} | ${of.map(cell).join(' | ')} |`
  })
  return `# Faults

Written by \`npm run test:faults\`; do not edit. ${when}, ${where}.

**${score(verdicts)}** went well through all four surfaces.

A provider breaks in sixteen ways, and one model stands in (\`fallbacks\`, \`retries: 2\`,
\`timeouts: { connect: 5s, first_token: auto, idle: 30s }\`). Every answer is streamed and has sixty tokens, 15 ms apart. A
call is good when a strict reader of the client's format gets the complete answer within the bound, once, with one good
end, and is charged for just that answer at the price of who finished it; at the end the ledger is verified. The faults are
those of [Failover Bench](https://github.com/failoverbench/failoverbench) v0.1, rebuilt in \`test/faults\`; \`npm test\` runs
them with scaled waits. How broken answers go on: [reliability](../guide/reliability.md).

Cells: seconds to the last byte (15: from the recovery to the primary's first answer), tries at the primary + tries at the
stand-in.

| | fault | what must be seen | ${NAMES.join(' | ')} |
|---|---|---|${NAMES.map(() => '---').join('|')}|
${rows.join('\n')}
`
}

function cell({ wrong, ms, primaryTries, spareTries }: Verdict): string {
  const figures = `${(ms / 1000).toFixed(1)} s, ${primaryTries} + ${spareTries}`
  return wrong === null ? figures : `**failed**: ${wrong} (${figures})`
}
