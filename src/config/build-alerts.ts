import { Secret } from '../lib/index.ts'
import type { ConfiguredAlerts, ConfiguredDestination } from './config.ts'
import type { BuildContext } from './context.ts'
import type { Path } from './problem.ts'
import type { FileAlerts } from './schema.ts'

const THRESHOLDS = [50, 80, 90, 100]
/** Bytes that Standard Webhooks wants of a secret. */
const SECRET_BYTES = [24, 64] as const
const ADDRESS = /^[^\s@<>]+@[^\s@<>]+$/

type FileDestination = NonNullable<FileAlerts['destinations']>[number]

/** What is told, to whom: each destination with what its kind needs. */
export function buildAlerts(file: FileAlerts, { problem }: BuildContext): ConfiguredAlerts {
  const lowBalanceUsd = file.low_balance === undefined ? null : String(file.low_balance)
  if (lowBalanceUsd !== null && !/^\d{1,9}(\.\d{1,9})?$/.test(lowBalanceUsd)) {
    problem(
      ['alerts', 'low_balance'],
      'alerts.low_balance must be an amount below one billion USD with at most 9 decimals, such as "10".',
    )
  }
  const destinations = (file.destinations ?? []).flatMap((one, i) => {
    const path = ['alerts', 'destinations', i]
    return destinationOf(one, (field, message) => problem([...path, ...field], message)) ?? []
  })
  const thresholds = [...new Set(file.thresholds ?? THRESHOLDS)].sort((a, b) => a - b)
  return { thresholds, lowBalanceUsd, destinations }
}

/** null when something is wrong with it, which was told. */
function destinationOf(
  { type, url, secret, to, from }: FileDestination,
  problem: (field: Path, message: string) => void,
): ConfiguredDestination | null {
  const protocols = type === 'email' ? ['smtp:', 'smtps:'] : ['https:', 'http:']
  const parsed = URL.canParse(url) ? new URL(url) : null
  if (parsed === null || !protocols.includes(parsed.protocol) || parsed.hostname === '') {
    problem(
      ['url'],
      `The url of a destination of type ${type} must be an address that begins with ${protocols[0]}//.`,
    )
    return null
  }
  switch (type) {
    case 'webhook':
      if (named(parsed, problem)) return null
      if (secret === undefined || !fits(secret)) {
        problem(
          secret === undefined ? [] : ['secret'],
          'A webhook is signed: give it a secret, whsec_ and the base64 of 24 to 64 random bytes. Make one with: echo "whsec_$(openssl rand -base64 32)"',
        )
        return null
      }
      return { type, url: new Secret(url), secret: new Secret(secret) }
    case 'slack':
      return named(parsed, problem) ? null : { type, url: new Secret(url) }
    case 'email':
      if (to === undefined || !ADDRESS.test(to) || (from !== undefined && !ADDRESS.test(from))) {
        problem(
          to === undefined ? [] : [ADDRESS.test(to) ? 'from' : 'to'],
          'A destination of type email needs `to`, an address such as ops@example.com; `from` is one too.',
        )
        return null
      }
      return { type, url: new Secret(url), to, from: from ?? to }
  }
}

/** Nobody can send to an address with a user in it. */
function named(url: URL, problem: (field: Path, message: string) => void): boolean {
  if (url.username === '' && url.password === '') return false
  problem(['url'], 'The address of a webhook must not hold a user or a password.')
  return true
}

function fits(secret: string): boolean {
  const text = /^whsec_([A-Za-z0-9+/]+={0,2})$/.exec(secret)?.[1]
  if (text === undefined) return false
  const { length } = Buffer.from(text, 'base64')
  return length >= SECRET_BYTES[0] && length <= SECRET_BYTES[1]
}
