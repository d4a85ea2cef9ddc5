import { type Command, EXIT } from '../command.ts'

interface Report {
  ok: boolean
  posted_nano: string
  held_nano: string
  journals: number
  entries: number
  holds_open: number
  faults: { invariant: string; row: string; detail: string }[]
}

export const ledgerVerify: Command = {
  name: 'ledger verify',
  summary: 'recompute the whole ledger; exit 1 names the faulty rows',
  args: '',
  options: {},
  help: {},
  examples: ['waybill ledger verify', 'waybill ledger verify --data ./data --json'],
  async run({ json, flags, client, out, offline }) {
    const report = await verify()
    if (json) out(JSON.stringify(report))
    else for (const line of lines(report)) out(line)
    return report.ok ? EXIT.ok : EXIT.failed

    async function verify(): Promise<Report> {
      const stopped = await offline(flags['data'])
      if (stopped !== null) return stopped.verify() as Promise<Report>
      return (await (await client()).call<{ data: Report }>('GET', '/admin/ledger/verify')).data
    }
  },
}

function lines(report: Report): string[] {
  const counts = `${report.journals} journals, ${report.entries} entries, ${report.holds_open} open holds`
  if (report.ok)
    return [`ok: ${counts}, posted ${report.posted_nano} nano-USD, held ${report.held_nano} nano-USD`]
  return [
    `faulty: ${counts}`,
    ...report.faults.map((fault) => `  ${fault.invariant} ${fault.row}: ${fault.detail}`),
  ]
}
