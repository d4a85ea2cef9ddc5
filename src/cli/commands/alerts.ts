import { type Command, CommandError, EXIT } from '../command.ts'
import { table } from '../table.ts'

interface Delivery {
  readonly destination: string
  readonly state: string
  readonly attempts: number
  readonly last_status: number | null
  readonly last_error: string | null
}

interface AlertObject {
  readonly id: string
  readonly scope: string
  readonly scope_id: string
  readonly created_at: string
  readonly reset_interval?: string | null
  readonly threshold_percent?: number
  readonly limit_usd?: string
  readonly spent_usd?: string
  readonly threshold_usd?: string
  readonly balance_usd?: string
  readonly deliveries: readonly Delivery[]
}

interface Mute {
  readonly kind: string
  readonly scope_id: string | null
}

export const alerts: Command = {
  name: 'alerts',
  summary: 'list the last alerts and where they went',
  args: '[list]',
  options: {},
  help: {},
  examples: ['waybill alerts', 'waybill alerts --json'],
  async run({ args, json, client, out, say }) {
    if (args.length > 0 && args[0] !== 'list')
      throw new CommandError(`"alerts ${args[0]}" is not a command. Try: waybill alerts --help`, EXIT.usage)
    const { data, muted } = await (await client()).call<{ data: AlertObject[]; muted: Mute[] }>(
      'GET',
      '/alerts',
    )
    if (json) out(JSON.stringify({ data, muted }))
    else {
      for (const line of alertTable(data)) out(line)
      for (const { kind, scope_id } of muted) say(`muted: ${kind}${scope_id === null ? '' : ` ${scope_id}`}`)
    }
    return EXIT.ok
  },
}

export const alertsTest: Command = {
  name: 'alerts test',
  summary: 'send a test to every destination; exit 1 when one does not take it',
  args: '',
  options: {},
  help: {},
  examples: ['waybill alerts test', 'waybill alerts test --json'],
  async run({ json, client, out }) {
    const { data } = await (await client()).call<{
      data: { destination: string; ok: boolean; status: number | null; error: string | null }[]
    }>('POST', '/alerts/test')
    if (json) out(JSON.stringify({ data }))
    else {
      const rows = data.map(({ destination, ok, error }) => [
        destination,
        ok ? 'took it' : `failed: ${error}`,
      ])
      for (const line of table(['DESTINATION', 'ANSWER'], rows)) out(line)
    }
    return data.every(({ ok }) => ok) ? EXIT.ok : EXIT.failed
  },
}

export const alertsMute: Command = {
  name: 'alerts mute',
  summary: 'deliver no more of what an alert is about, or of a kind',
  args: 'ID|KIND',
  options: { off: { type: 'boolean' } },
  help: { off: 'deliver them again' },
  examples: ['waybill alerts mute alert-3f9a1c', 'waybill alerts mute balance --off'],
  async run({ args, flags, json, client, out }) {
    const [what] = args
    if (what === undefined)
      throw new CommandError(
        'Mute what? An id of waybill alerts, or a kind such as key or balance.',
        EXIT.usage,
      )
    const server = await client()
    const muted = flags['off'] !== true
    const { data } = what.startsWith('alert-')
      ? await server.call<{ data: Mute }>('POST', `/alerts/${await whole(what)}/mute`, { muted })
      : await server.call<{ data: Mute }>('POST', '/alerts/mute', { kind: what, muted })
    if (json) out(JSON.stringify(data))
    else
      out(
        `${muted ? 'muted' : 'no longer muted'}: ${data.kind}${data.scope_id === null ? '' : ` ${data.scope_id}`}`,
      )
    return EXIT.ok

    async function whole(start: string): Promise<string> {
      const { data: listed } = await server.call<{ data: AlertObject[] }>('GET', '/alerts?limit=100')
      const found = listed.filter(({ id }) => id.startsWith(start))
      if (found.length > 1)
        throw new CommandError(`"${start}" means ${found.length} alerts. Give more of the id.`)
      return found[0]?.id ?? encodeURIComponent(start)
    }
  },
}

function alertTable(listed: readonly AlertObject[]): string[] {
  if (listed.length === 0) return ['No alerts.']
  return table(
    ['ID', 'TIME', 'OF', 'ALERT', 'DELIVERIES'],
    listed.map((alert) => [
      alert.id.slice(0, 14),
      alert.created_at.slice(0, 19).replace('T', ' '),
      alert.scope === 'test' ? 'test' : `${alert.scope} ${alert.scope_id.slice(0, 12)}`,
      words(alert),
      alert.deliveries.map(deliveryWords).join('; ') || 'none',
    ]),
  )
}

function words(alert: AlertObject): string {
  if (alert.threshold_percent !== undefined)
    return `${alert.threshold_percent} %: $${alert.spent_usd} of $${alert.limit_usd}${alert.reset_interval == null ? '' : ` ${alert.reset_interval}`}`
  if (alert.balance_usd !== undefined) return `$${alert.balance_usd} left, below $${alert.threshold_usd}`
  return ''
}

function deliveryWords({ destination, state, attempts, last_error }: Delivery): string {
  const tries = attempts > 1 ? ` after ${attempts}` : ''
  return `${destination} ${state}${tries}${last_error === null || state === 'delivered' ? '' : ` (${last_error})`}`
}
