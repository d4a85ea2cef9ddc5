import type { Client } from '../client.ts'
import { type Command, type CommandContext, CommandError, EXIT, wholeNumber } from '../command.ts'
import { dollars, receiptLines, type Waybill } from '../receipt.ts'
import { table } from '../table.ts'

interface Listed {
  readonly id: string
  readonly created_at: string
  readonly model: string
  readonly provider: string | null
  readonly result: string
  readonly error_code: string | null
  readonly attempts: number
  readonly prompt_tokens: number
  readonly completion_tokens: number
  readonly cost_usd: string | null
  readonly latency_ms: number | null
  readonly generation_ms: number | null
  readonly key: { readonly name: string | null }
}

/** How often `-f` looks for new calls, ms, and over how many of the latest. */
const FOLLOW_MS = 1_000
const FOLLOWED = 500

const HEADING = [
  'when',
  'id',
  'model',
  'provider',
  'result',
  'tries',
  'in',
  'out',
  'cost',
  'first',
  'total',
  'key',
]
/** Widths of the columns while following, where later rows are not known yet. */
const WIDTHS = [19, 35, 36, 14, 12, 5, 7, 6, 12, 8, 8, 0]

export const logs: Command = {
  name: 'logs',
  summary: 'list the last calls; -f goes on with new ones',
  args: '',
  options: {
    follow: { type: 'boolean', short: 'f' },
    limit: { type: 'string', short: 'n' },
    model: { type: 'string', short: 'm' },
    key: { type: 'string' },
    result: { type: 'string' },
    status: { type: 'string' },
  },
  help: {
    follow: 'go on with calls as they end, until interrupted',
    limit: 'how many, 50 when left out, at most 500',
    model: 'only of this model',
    key: 'only of this API key, by name or hash',
    status: 'only those with this status, e.g. 429 or 5xx',
    result: 'only those that ended so: complete, failed or client_gone',
  },
  examples: [
    'waybill logs -n 20',
    'waybill logs -f --status 5xx',
    'waybill logs --model openai/gpt-5.1 --json',
  ],
  async run(context) {
    const { flags, json, out } = context
    const client = await context.client()
    const limit = wholeNumber(flags, 'limit') ?? 50
    const rows = await latest(client, flags, limit)
    if (flags['follow'] === true) return follow(context, client, rows)
    if (rows.length === 0) context.say('No calls yet.')
    if (json) out(JSON.stringify({ data: rows }))
    else for (const line of table(HEADING, rows.toReversed().map(cells))) out(line)
    return EXIT.ok
  },
}

export const logsShow: Command = {
  name: 'logs show',
  summary: 'the waybill of one call: who was considered, what was tried, what it cost',
  args: 'ID',
  options: {},
  help: {},
  examples: ['waybill logs show gen-1764000000-a1B2c3D4e5F6g7H8i9J0', 'waybill logs show gen-… --json'],
  async run({ args, json, client, out }) {
    const [id] = args
    if (id === undefined) throw new CommandError('Which call? waybill logs show ID', EXIT.usage)
    const { data } = await (await client()).call<{ data: Waybill }>(
      'GET',
      `/waybills/${encodeURIComponent(id)}`,
    )
    if (json) out(JSON.stringify(data))
    else for (const line of receiptLines(data)) out(line)
    return EXIT.ok
  },
}

function latest(client: Client, flags: CommandContext['flags'], limit: number): Promise<Listed[]> {
  const query = new URLSearchParams({ limit: String(limit) })
  for (const name of ['model', 'key', 'result', 'status']) {
    const value = flags[name]
    if (typeof value === 'string') query.set(name, value)
  }
  return client.call<{ data: Listed[] }>('GET', `/waybills?${query}`).then(({ data }) => data)
}

/** Prints calls as they end, oldest first, one JSON object a line with `--json`. Ends with the server or by a signal. */
async function follow(
  { flags, json, out }: CommandContext,
  client: Client,
  first: readonly Listed[],
): Promise<number> {
  const row = (values: readonly string[]) =>
    values
      .map((value, i) => value.padEnd(WIDTHS[i]!))
      .join('  ')
      .trimEnd()
  if (!json) out(row(HEADING))
  const seen = new Set<string>()
  for (let rows = first; ; rows = await latest(client, flags, FOLLOWED)) {
    for (const call of rows.toReversed()) {
      if (seen.has(call.id)) continue
      seen.add(call.id)
      out(json ? JSON.stringify(call) : row(cells(call)))
    }
    // What is no longer among the latest will not come again.
    if (seen.size > 10 * FOLLOWED) {
      seen.clear()
      for (const { id } of rows) seen.add(id)
    }
    await new Promise((resolve) => setTimeout(resolve, FOLLOW_MS))
  }
}

function cells(call: Listed): string[] {
  const { latency_ms, generation_ms } = call
  return [
    call.created_at.slice(0, 19).replace('T', ' '),
    call.id,
    call.model,
    call.provider ?? '–',
    call.error_code ?? call.result,
    String(call.attempts),
    String(call.prompt_tokens),
    String(call.completion_tokens),
    call.cost_usd === null ? '?' : dollars(call.cost_usd),
    latency_ms === null ? '' : `${latency_ms} ms`,
    generation_ms === null ? '' : `${generation_ms} ms`,
    call.key.name ?? '',
  ]
}
