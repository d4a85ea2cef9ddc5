import type { Gateway, ProviderState } from '../http/gateway.ts'
import { NO_POLICY, NO_RATES } from '../identity/index.ts'
import { usdToNanos } from '../money/index.ts'

/** What the first key may spend while a paid provider is configured: a mistake in a loop costs a lunch, not a month. */
const FIRST_LIMIT_USD = '20'

export interface FirstKey {
  readonly secret: string
  /** Null without a limit. */
  readonly limitUsd: string | null
}

export interface StartFacts {
  readonly version: string
  readonly url: string
  readonly wantedPort: number
  readonly dataDir: string
  /** The data directory is not where commands look by themselves: they have to be told. */
  readonly dataIsNamed: boolean
  readonly database: 'sqlite' | 'postgres'
  readonly firstKey: FirstKey | null
  readonly states: readonly ProviderState[]
  readonly warnings: readonly string[]
  readonly credits: 'prepaid' | 'unlimited'
}

/** Makes the first API key of an installation; null when there is any key already. */
export async function makeFirstKey(gateway: Gateway): Promise<FirstKey | null> {
  if (gateway.keys.list('default').length > 0) return null
  const paid = [...gateway.snapshot.providers.values()].some(({ definition }) => !definition.local)
  const { secret } = await gateway.keys.create({
    name: 'first',
    kind: 'inference',
    organizationId: 'default',
    workspaceId: 'default',
    creatorUserId: null,
    limitNanos: paid ? usdToNanos(FIRST_LIMIT_USD) : null,
    limitReset: paid ? 'daily' : null,
    includeByokInLimit: false,
    expiresAt: null,
    rates: NO_RATES,
    policy: NO_POLICY,
  })
  return { secret, limitUsd: paid ? FIRST_LIMIT_USD : null }
}

/** What `waybill start` prints when it is ready: where it is, what it found, a key, and a command to paste. */
export function firstRunLines(facts: StartFacts): string[] {
  const { url, firstKey } = facts
  const port = Number(new URL(url).port)
  const moved = facts.wantedPort !== 0 && port !== facts.wantedPort ? `   (${facts.wantedPort} was busy)` : ''
  const database = facts.database === 'sqlite' ? 'embedded database' : 'Postgres'
  return [
    '',
    `  waybill ${facts.version}   ${url}${moved}   data ${facts.dataDir} (${database})`,
    '',
    ...providerLines(facts.states),
    ...facts.warnings.map((warning) => `  !  ${warning}`),
    '',
    `  API          ${url}/api/v1`,
    ...keyLines(facts),
    ...creditLines(facts),
    '',
    ...tryLines(url, firstKey?.secret ?? 'YOUR_KEY'),
    '',
  ]
}

/** The same for programs: one line of JSON. */
export function readyJson({ url, firstKey, dataDir, version, warnings }: StartFacts): string {
  return JSON.stringify({
    url,
    api: `${url}/api/v1`,
    ...(firstKey !== null && { key: firstKey.secret }),
    pid: process.pid,
    data: dataDir,
    version,
    warnings,
  })
}

const label = (text: string) => `  ${text.padEnd(11)}  `

function providerLines(states: readonly ProviderState[]): string[] {
  const rows = states.map(
    ({ name, source, state }) => `${mark(state)} ${name} (${source.replace(/^env:/, '')}): ${state}`,
  )
  const simulator = '✔ Simulator: sim/* models, not real, free of charge, always marked'
  const lines = [...rows, simulator].map((row, at) => `${label(at === 0 ? 'Providers' : '')}${row}`)
  if (states.length === 0)
    lines.push(
      `${label('')}  Set a key such as OPENAI_API_KEY or ANTHROPIC_API_KEY and start again to reach real models.`,
    )
  return lines
}

function mark(state: string): string {
  if (state.startsWith('works')) return '✔'
  return state.startsWith('refused') || state === 'unreachable' ? '✖' : '·'
}

/** A command as it works when pasted: `npx` finds it in a clone and in an installation alike. */
function command(words: string, { dataIsNamed, dataDir }: StartFacts): string {
  const where = /[^\w./-]/.test(dataDir) ? `'${dataDir}'` : dataDir
  return `npx waybill ${words}${dataIsNamed ? ` --data ${where}` : ''}`
}

function keyLines(facts: StartFacts): string[] {
  const { firstKey } = facts
  if (firstKey === null) return [`${label('Key')}make one with: ${command('keys create NAME', facts)}`]
  const lines = [`${label('Key')}${firstKey.secret}   (shown only now)`]
  if (firstKey.limitUsd !== null)
    lines.push(
      `${label('')}It may spend $${firstKey.limitUsd} a day; make one without a limit: ${command('keys create NAME', facts)}`,
    )
  return lines
}

function creditLines(facts: StartFacts): string[] {
  return facts.credits === 'prepaid'
    ? [`${label('Credits')}prepaid; add some with: ${command('credits add 10', facts)}`]
    : []
}

function tryLines(url: string, key: string): string[] {
  return [
    `${label('Try it')}curl -N ${url}/api/v1/chat/completions \\`,
    `${label('')}  -H "Authorization: Bearer ${key}" \\`,
    `${label('')}  -H "Content-Type: application/json" \\`,
    `${label('')}  -d '{"model":"sim/echo","stream":true,"messages":[{"role":"user","content":"Hello"}]}'`,
  ]
}
