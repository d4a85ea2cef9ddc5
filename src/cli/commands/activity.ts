import { type Command, EXIT } from '../command.ts'
import { usd } from '../money.ts'
import { table } from '../table.ts'

interface ActivityRow {
  readonly date: string
  readonly model: string
  readonly provider_name: string
  readonly requests: number
  readonly prompt_tokens: number
  readonly completion_tokens: number
  readonly usage: number
  readonly unpriced_requests: number
}

export const activity: Command = {
  name: 'activity',
  summary: 'what was served and spent, by day, model and provider',
  args: '[DATE]',
  options: { simulated: { type: 'boolean' }, csv: { type: 'boolean' } },
  help: { simulated: 'test calls instead of real ones', csv: 'as CSV' },
  examples: ['waybill activity', 'waybill activity 2026-08-22 --csv', 'waybill activity --json'],
  async run({ args, flags, json, client, out, say }) {
    const query = new URLSearchParams({
      ...(args[0] !== undefined && { date: args[0] }),
      ...(flags['simulated'] === true && { simulated: 'true' }),
    })
    const server = await client()
    if (flags['csv'] === true) {
      query.set('format', 'csv')
      out((await server.text('GET', `/activity?${query}`)).trimEnd())
      return EXIT.ok
    }
    const { data } = await server.call<{ data: ActivityRow[] }>('GET', `/activity?${query}`)
    if (json) out(JSON.stringify({ data }))
    else {
      for (const line of activityTable(data)) out(line)
      if (args.length === 0)
        say('The last 30 days that are over (UTC). One day, today too: waybill activity DATE')
    }
    return EXIT.ok
  },
}

function activityTable(rows: readonly ActivityRow[]): string[] {
  return table(
    ['DATE', 'MODEL', 'PROVIDER', 'REQUESTS', 'PROMPT', 'COMPLETION', 'SPENT'],
    rows.map((row) => [
      row.date,
      row.model,
      row.provider_name,
      String(row.requests),
      String(row.prompt_tokens),
      String(row.completion_tokens),
      row.unpriced_requests === row.requests ? '?' : usd(row.usage),
    ]),
  )
}
