import { type Command, CommandError, EXIT, wholeNumber } from '../command.ts'
import { usd } from '../money.ts'
import { table } from '../table.ts'

/** What can be summed by, and the name that the API has for it. */
const BY: Readonly<Record<string, string>> = {
  model: 'model',
  provider: 'provider',
  key: 'api_key_id',
  member: 'user',
  workspace: 'workspace',
  app: 'app',
  user: 'external_user',
}
const EVERY = ['hour', 'day', 'week', 'month']
const METRICS = [
  'request_count',
  'failed_count',
  'tokens_prompt',
  'tokens_completion',
  'total_usage',
  'unpriced_count',
]
const DAY = 86_400_000

interface Answer {
  readonly data: { readonly data: readonly Record<string, string | number | null>[] }
}

export const usage: Command = {
  name: 'usage',
  summary: 'requests, tokens and spending by day, model, key and more',
  args: '',
  options: {
    by: { type: 'string' },
    every: { type: 'string' },
    days: { type: 'string' },
    zone: { type: 'string' },
    simulated: { type: 'boolean' },
    csv: { type: 'boolean' },
  },
  help: {
    by: `one of ${Object.keys(BY).join(', ')}; by time when left out`,
    every: `a row for each ${EVERY.join(', ')}; day when neither this nor --by is given`,
    days: 'how many days back, today among them; 30 when left out',
    zone: 'time zone of the days, e.g. Europe/Berlin; UTC when left out',
    simulated: 'test calls instead of real ones',
    csv: 'as CSV',
  },
  examples: [
    'waybill usage --by model --days 7',
    'waybill usage --every month --days 365 --zone Europe/Berlin',
    'waybill usage --by key --csv',
    'waybill usage --json',
  ],
  async run({ flags, json, client, out }) {
    const by = oneOf(flags['by'], Object.keys(BY), '--by')
    const every = oneOf(flags['every'], EVERY, '--every') ?? (by === undefined ? 'day' : undefined)
    const days = wholeNumber(flags, 'days') ?? 30
    if (days < 1) throw new CommandError('--days must be 1 or more.', EXIT.usage)
    const end = Date.now()
    const query = {
      metrics: METRICS,
      ...(by !== undefined && { dimensions: [BY[by]] }),
      ...(every !== undefined && { granularity: every }),
      ...(typeof flags['zone'] === 'string' && { time_zone: flags['zone'] }),
      ...(flags['simulated'] === true && { simulated: true }),
      // Whole days of UTC: the first one begins at midnight.
      time_range: {
        start: new Date(end - (end % DAY) - (days - 1) * DAY).toISOString(),
        end: new Date(end + 1).toISOString(),
      },
      limit: 10_000,
    }
    const server = await client()
    if (flags['csv'] === true) {
      out((await server.text('POST', '/analytics/query?format=csv', query)).trimEnd())
      return EXIT.ok
    }
    const { data } = (await server.call<Answer>('POST', '/analytics/query', query)).data
    if (json) out(JSON.stringify({ data }))
    else for (const line of usageTable(data, by)) out(line)
    return EXIT.ok
  },
}

function oneOf(value: unknown, allowed: readonly string[], flag: string): string | undefined {
  if (value === undefined) return undefined
  if (typeof value === 'string' && allowed.includes(value)) return value
  throw new CommandError(`${flag} must be one of ${allowed.join(', ')}.`, EXIT.usage)
}

function usageTable(rows: Answer['data']['data'], by: string | undefined): string[] {
  const time = Object.keys(rows[0] ?? {}).find((column) => column.includes('__'))
  const heading = [
    ...(time === undefined ? [] : ['TIME']),
    ...(by === undefined ? [] : [by.toUpperCase()]),
    'REQUESTS',
    'FAILED',
    'PROMPT',
    'COMPLETION',
    'SPENT',
  ]
  const cells = rows.map((row) => [
    ...(time === undefined ? [] : [String(row[time])]),
    ...(by === undefined ? [] : [shown(row[BY[by]!])]),
    ...METRICS.slice(0, 4).map((metric) => String(row[metric])),
    // Where nothing has a known price, 0 would be a lie.
    row['unpriced_count'] === row['request_count'] && row['request_count'] !== 0
      ? '?'
      : usd(Number(row['total_usage'])),
  ])
  return table(heading, cells)
}

/** Hashes of keys are cut as in `waybill keys list`. */
function shown(value: string | number | null | undefined): string {
  if (value === null || value === undefined) return '(none)'
  return /^[0-9a-f]{64}$/.test(String(value)) ? String(value).slice(0, 12) : String(value)
}
