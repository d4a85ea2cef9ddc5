import { type Command, type CommandContext, CommandError, EXIT } from '../command.ts'
import { dollars } from '../receipt.ts'
import { table } from '../table.ts'

interface Entry {
  readonly account: string
  readonly amount_nanos: string
  readonly amount_usd: string
}

interface Journal {
  readonly id: string
  readonly chain: string
  readonly seq: number
  readonly kind: string
  readonly reference: string
  readonly organization_id: string | null
  readonly at: string
  readonly memo: string | null
  readonly prev_hash: string
  readonly hash: string
  readonly entries: readonly Entry[]
}

interface Explained {
  readonly id: string
  readonly organization_id: string
  readonly account: string
  readonly state: string
  readonly created_at: string
  readonly hold_usd: string
  readonly limits: readonly { scope: string; scope_id: string; span: string; window_start: string | null }[]
  readonly endpoint: string | null
  readonly usage_source: string | null
  readonly tariff_version: string | null
  readonly lines:
    | readonly {
        what: string
        quantity: number
        usd_per_million: string | null
        usd_each: string
        usd: string
      }[]
    | null
  readonly exact_usd: string | null
  readonly price_usd: string | null
  readonly markup_usd: string
  readonly charged_usd: string
  readonly written_off_usd: string
  readonly insurance_usd: string
  readonly owed_to_providers_usd: string
  readonly note: string | null
  readonly journals: readonly Journal[]
}

export const ledgerExplain: Command = {
  name: 'ledger explain',
  summary: 'one charge as arithmetic: hold, frozen prices, tokens, entries',
  args: 'ID',
  options: {},
  help: {},
  examples: ['waybill ledger explain gen-1764000000-abc', 'waybill ledger explain gen-1764000000-abc --json'],
  async run({ args, json, client, out }) {
    const [id] = args
    if (id === undefined) throw new CommandError('Which call? Ids are shown by: waybill logs', EXIT.usage)
    const path = `/admin/ledger/explain/${encodeURIComponent(id)}`
    const { data } = await (await client()).call<{ data: Explained }>('GET', path)
    if (json) out(JSON.stringify(data))
    else for (const line of explained(data)) out(line)
    return EXIT.ok
  },
}

const FORMATS = ['jsonl', 'csv']

export const ledgerExport: Command = {
  name: 'ledger export',
  summary: 'print every journal with its entries, for auditors',
  args: '',
  options: { since: { type: 'string' }, format: { type: 'string' } },
  help: {
    since: 'only journals from this date on, e.g. 2026-11-01 (UTC)',
    format: 'jsonl, a journal a line (default), or csv, an entry a line',
  },
  examples: ['waybill ledger export > ledger.jsonl', 'waybill ledger export --since 2026-11-01 --format csv'],
  async run(context) {
    const { flags, out } = context
    const format = flags['format'] ?? 'jsonl'
    if (typeof format !== 'string' || !FORMATS.includes(format))
      throw new CommandError(`--format must be one of ${FORMATS.join(', ')}.`, EXIT.usage)
    if (format === 'csv') out(CSV_HEAD.join(','))
    for await (const journal of journals(context)) {
      if (format === 'jsonl') out(JSON.stringify(journal))
      else for (const line of csvLines(journal)) out(line)
    }
    return EXIT.ok
  },
}

/** Page after page; a page is printed before the next one is asked for. */
async function* journals({ flags, client, flushed }: CommandContext): AsyncGenerator<Journal> {
  const server = await client()
  const since = flags['since'] === undefined ? '' : `&since=${encodeURIComponent(String(flags['since']))}`
  let after: string | null = ''
  while (after !== null) {
    const page: { data: Journal[]; next: string | null } = await server.call(
      'GET',
      `/admin/ledger/journals?after=${encodeURIComponent(after)}${since}`,
    )
    yield* page.data
    await flushed()
    after = page.next
  }
}

const CSV_HEAD = [
  'at',
  'journal',
  'kind',
  'reference',
  'organization_id',
  'memo',
  'line',
  'account',
  'amount_nanos',
  'amount_usd',
  'prev_hash',
  'hash',
]

function csvLines(journal: Journal): string[] {
  const { at, id, kind, reference, organization_id, memo, prev_hash, hash, entries } = journal
  return entries.map(({ account, amount_nanos, amount_usd }, line) =>
    [at, id, kind, reference, organization_id, memo, line, account, amount_nanos, amount_usd, prev_hash, hash]
      .map(cell)
      .join(','),
  )
}

/** RFC 4180; texts that a spreadsheet would take for a formula get a quote before them. */
function cell(value: string | number | null): string {
  const text = typeof value === 'string' && /^[=@+\t\r]/.test(value) ? `'${value}` : String(value ?? '')
  return /[",\r\n]/.test(text) ? `"${text.replaceAll('"', '""')}"` : text
}

function explained(one: Explained): string[] {
  const entries = one.journals.flatMap(({ kind, id, entries: lines }) =>
    lines.map(({ account, amount_usd }, i) => [
      i === 0 ? kind : '',
      i === 0 ? id : '',
      account,
      signed(amount_usd),
    ]),
  )
  const sections = [
    table(
      ['charge', one.id],
      [
        ['when', one.created_at.replace('T', ' ').replace(/\.\d+Z$/, ' UTC')],
        ['account', one.account],
        ['held', `${dollars(one.hold_usd)}, ${one.state}`],
        ...one.limits.map(({ scope, scope_id, span }) => ['counts for', `${scope} ${scope_id} ${span}`]),
        ['endpoint', one.endpoint ?? 'none'],
        ['tariff', one.tariff_version ?? 'none'],
      ],
    ),
    arithmetic(one),
    ...(entries.length === 0 ? [] : [table(['journal', '', 'account', 'amount'], entries)]),
    ...(one.note === null ? [] : [[one.note]]),
  ]
  return sections.flatMap((lines, i) => (i === 0 ? lines : ['', ...lines]))
}

function arithmetic(one: Explained): string[] {
  const rows = (one.lines ?? []).map(({ what, quantity, usd_per_million, usd_each, usd }) => [
    what,
    quantity.toLocaleString('en-US'),
    usd_per_million === null ? `× ${dollars(usd_each)}` : `× ${dollars(usd_per_million)} / M`,
    `= ${dollars(usd)}`,
  ])
  const sum = (what: string, usd: string | null, always = false): void => {
    if (usd !== null && (always || usd !== '0')) rows.push([what, '', '', `= ${dollars(usd)}`])
  }
  sum('sum', one.exact_usd)
  sum('rounded up to a nano-dollar', one.price_usd)
  sum('markup', one.markup_usd)
  sum('charged', one.charged_usd, true)
  sum('written off by the platform', one.written_off_usd)
  sum('borne by the insurance', one.insurance_usd)
  sum('owed to providers', one.owed_to_providers_usd)
  const lines = table(['arithmetic', 'tokens', '', ''], rows)
  if (one.usage_source === 'estimated') lines.push('The provider reported no tokens: they are estimated.')
  return lines
}

function signed(usd: string): string {
  return usd.startsWith('-') ? `-$${usd.slice(1)}` : `$${usd}`
}
