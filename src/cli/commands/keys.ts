import type { Client } from '../client.ts'
import { type Command, type CommandContext, CommandError, EXIT, wholeNumber } from '../command.ts'
import { table } from '../table.ts'

interface KeyObject {
  hash: string
  label: string
  name: string
  disabled: boolean
  limit: number | null
  limit_remaining: number | null
  limit_reset: string | null
  usage: number
  expires_at: string | null
  is_management_key: boolean
}

const LISTS = { models: 'allowed_models', providers: 'allowed_providers', ignore: 'ignored_providers' }

const RESETS = ['daily', 'weekly', 'monthly']

export const keysCreate: Command = {
  name: 'keys create',
  summary: 'make an API key; it is shown once',
  args: 'NAME',
  options: {
    limit: { type: 'string' },
    reset: { type: 'string' },
    rpm: { type: 'string' },
    tpm: { type: 'string' },
    concurrency: { type: 'string' },
    models: { type: 'string' },
    providers: { type: 'string' },
    ignore: { type: 'string' },
    management: { type: 'boolean' },
  },
  help: {
    limit: 'USD that the key may spend, e.g. 20 or 0.50',
    reset: 'start the limit anew daily, weekly or monthly (UTC); never when left out',
    rpm: 'requests that the key may make in a minute',
    tpm: 'tokens of prompts and answers that the key may take in a minute',
    concurrency: 'requests of the key that may run at once',
    models: 'models that the key may use, e.g. openai/gpt-5.1,anthropic/*',
    providers: 'providers that the key may use, e.g. anthropic,google-vertex/europe',
    ignore: 'providers that the key never uses',
    management: 'a key for administration, which cannot call models',
  },
  examples: ['waybill keys create laptop', 'waybill keys create ci --limit 5 --reset daily --json'],
  async run({ args, flags, json, client, out, say }) {
    const [name] = args
    if (name === undefined) throw new CommandError('A key needs a name: waybill keys create NAME', EXIT.usage)
    if (flags['reset'] !== undefined && flags['limit'] === undefined)
      throw new CommandError('--reset needs a --limit that it starts anew.', EXIT.usage)
    if (flags['reset'] !== undefined && !RESETS.includes(String(flags['reset'])))
      throw new CommandError(`--reset must be one of ${RESETS.join(', ')}.`, EXIT.usage)
    const made = await (await client()).call<{ data: KeyObject; key: string }>('POST', '/keys', {
      name,
      ...(flags['limit'] !== undefined && { limit: String(flags['limit']) }),
      ...(flags['reset'] !== undefined && { limit_reset: flags['reset'] }),
      ...(flags['management'] === true && { management: true }),
      ...rateLimits(flags),
      ...lists(flags),
    })
    if (json) out(JSON.stringify({ key: made.key, ...made.data }))
    else {
      say(`The key "${name}", shown only now:`)
      out(made.key)
    }
    return EXIT.ok
  },
}

export const keysList: Command = {
  name: 'keys list',
  summary: 'list the API keys with their limits and spending',
  args: '',
  options: {},
  help: {},
  examples: ['waybill keys list', 'waybill keys list --json'],
  async run({ json, client, out }) {
    const keys = await all(await client())
    if (json) out(JSON.stringify({ data: keys }))
    else for (const line of keyTable(keys, Date.now())) out(line)
    return EXIT.ok
  },
}

export const keysDisable: Command = {
  name: 'keys disable',
  summary: 'stop a key at once',
  args: 'NAME|HASH',
  options: {},
  help: {},
  examples: ['waybill keys disable laptop', 'waybill keys disable 3f9a1c --json'],
  async run({ args, json, client, out }) {
    const server = await client()
    const key = await pick(server, args[0])
    const { data } = await server.call<{ data: KeyObject }>('PATCH', `/keys/${key.hash}`, { disabled: true })
    out(json ? JSON.stringify(data) : `disabled ${data.name} (${data.label})`)
    return EXIT.ok
  },
}

export const keysDelete: Command = {
  name: 'keys delete',
  summary: 'end an API key for good; what it has spent stays in the books',
  args: 'NAME|HASH',
  options: {},
  help: {},
  examples: ['waybill keys delete laptop', 'waybill keys delete 3f9a1c --json'],
  async run({ args, json, client, out }) {
    const server = await client()
    const { hash, name, label } = await pick(server, args[0])
    await server.call('DELETE', `/keys/${hash}`)
    out(json ? JSON.stringify({ hash, deleted: true }) : `deleted ${name} (${label})`)
    return EXIT.ok
  },
}

export const keysRotate: Command = {
  name: 'keys rotate',
  summary: 'replace a key by a new one with the same settings and the same cap',
  args: 'NAME|HASH',
  options: { overlap: { type: 'string' } },
  help: { overlap: 'seconds for which the old key goes on working; 86400 when left out' },
  examples: ['waybill keys rotate laptop', 'waybill keys rotate laptop --overlap 0 --json'],
  async run({ args, flags, json, client, out, say }) {
    const overlap = wholeNumber(flags, 'overlap')
    const server = await client()
    const key = await pick(server, args[0])
    const made = await server.call<{ data: KeyObject; key: string }>('POST', `/keys/${key.hash}/rotate`, {
      ...(overlap !== undefined && { overlap_seconds: overlap }),
    })
    if (json) out(JSON.stringify({ key: made.key, ...made.data }))
    else {
      say(`The successor of "${key.name}", shown only now:`)
      out(made.key)
    }
    return EXIT.ok
  },
}

function rateLimits(flags: CommandContext['flags']): { rate_limits?: Record<string, number> } {
  const given = Object.entries({
    requests_per_minute: wholeNumber(flags, 'rpm'),
    tokens_per_minute: wholeNumber(flags, 'tpm'),
    concurrency: wholeNumber(flags, 'concurrency'),
  }).filter((entry): entry is [string, number] => entry[1] !== undefined)
  return given.length === 0 ? {} : { rate_limits: Object.fromEntries(given) }
}

/** The lists of what the key may use. */
function lists(flags: CommandContext['flags']): Record<string, readonly string[]> {
  const given: Record<string, readonly string[]> = {}
  for (const [flag, field] of Object.entries(LISTS)) {
    const value = flags[flag]
    if (value === undefined) continue
    given[field] = String(value)
      .split(',')
      .map((entry) => entry.trim())
      .filter((entry) => entry !== '')
    if (given[field].length === 0)
      throw new CommandError(`--${flag} needs at least one name; leave it out to allow all.`, EXIT.usage)
  }
  return given
}

async function all(server: Client): Promise<KeyObject[]> {
  const keys: KeyObject[] = []
  for (;;) {
    const page = await server.call<{ data: KeyObject[]; total_count: number }>(
      'GET',
      `/keys?workspace_id=*&include_disabled=true&offset=${keys.length}`,
    )
    keys.push(...page.data)
    if (page.data.length === 0 || keys.length >= page.total_count) return keys
  }
}

/** The one key that a name, hash or beginning of a hash means. */
async function pick(server: Client, wanted: string | undefined): Promise<KeyObject> {
  if (wanted === undefined) throw new CommandError('Which key? Give its name or hash.', EXIT.usage)
  const keys = await all(server)
  const found = keys.filter((key) => key.name === wanted || key.hash.startsWith(wanted))
  const usable = found.length > 1 ? found.filter((key) => !key.disabled) : found
  if (usable.length === 1) return usable[0]!
  throw new CommandError(
    usable.length === 0
      ? `No key "${wanted}". List the keys with: waybill keys list`
      : `"${wanted}" means ${usable.length} keys. Use a hash: ${usable.map((key) => key.hash.slice(0, 12)).join(', ')}`,
  )
}

function state(key: KeyObject, now: number): string {
  if (key.disabled) return 'disabled'
  const ends = key.expires_at === null ? Number.POSITIVE_INFINITY : Date.parse(key.expires_at)
  if (ends <= now) return 'expired'
  const kind = key.is_management_key ? 'management' : 'on'
  return key.expires_at === null ? kind : `${kind}, ends ${key.expires_at.slice(0, 16).replace('T', ' ')} UTC`
}

function keyTable(keys: readonly KeyObject[], now: number): string[] {
  return table(
    ['NAME', 'KEY', 'HASH', 'STATE', 'LIMIT', 'LEFT', 'RESET', 'SPENT'],
    keys.map((key) => [
      key.name,
      key.label,
      key.hash.slice(0, 12),
      state(key, now),
      key.limit === null ? '' : `$${key.limit}`,
      key.limit_remaining === null ? '' : `$${key.limit_remaining}`,
      key.limit_reset ?? '',
      `$${key.usage}`,
    ]),
  )
}
