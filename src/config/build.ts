import { Secret } from '../lib/index.ts'
import { buildAlerts } from './build-alerts.ts'
import { buildPolicy } from './build-policy.ts'
import { buildPresets } from './build-presets.ts'
import { buildProviders } from './build-providers.ts'
import type { Config } from './config.ts'
import { type BuildContext, defaultDataDirectory, pathOf } from './context.ts'
import type { Path } from './problem.ts'
import type { FileConfig } from './schema.ts'
import { parseDuration, parseSize } from './units.ts'

/** From the checked shape to the typed configuration: units, defaults, paths, and what no shape can say. */
export function buildConfig(file: FileConfig, leftOut: readonly string[], context: BuildContext): Config {
  const { paths, problem } = context
  const { server = {}, timeouts = {} } = file
  const data = file.data === undefined ? defaultDataDirectory(paths) : pathOf(file.data, ['data'], context)
  const host = server.host ?? '127.0.0.1'
  if (!isLoopback(host) && server.public !== true) {
    problem(
      ['server', 'host'],
      'server.host can be reached by others. Set server.public: true (or --public) to allow that, or take 127.0.0.1.',
    )
  }
  return deepFreeze({
    server: {
      host,
      port: server.port ?? 7788,
      public: server.public ?? false,
      allowedHosts: (server.allowed_hosts ?? []).map((name) => name.toLowerCase()),
      bodyLimit: parseSize(server.body_limit ?? '32MiB')!,
    },
    data,
    database: address(file.database, ['database'], ['postgres:', 'postgresql:'], context),
    redis: address(file.redis, ['redis'], ['redis:', 'rediss:'], context),
    timeouts: {
      connectMs: time(timeouts.connect, '5s', ['timeouts', 'connect'], context),
      firstTokenMs:
        (timeouts.first_token ?? 'auto') === 'auto'
          ? null
          : time(timeouts.first_token, '10s', ['timeouts', 'first_token'], context),
      idleMs: time(timeouts.idle, '30s', ['timeouts', 'idle'], context),
      totalMs: time(timeouts.total, '30m', ['timeouts', 'total'], context),
    },
    retries: file.retries ?? 2,
    fallbacks: fallbacksOf(file.fallbacks ?? {}, context),
    probesMs: (file.probes ?? 'off') === 'off' ? null : probeTime(file.probes!, context),
    rescue: file.rescue ?? 'auto',
    rateLimits: rateLimitsOf(file.rate_limits ?? {}),
    policy: buildPolicy(file, context),
    alerts: buildAlerts(file.alerts ?? {}, context),
    credits: file.credits ?? 'unlimited',
    holds: file.holds ?? 'tight',
    detect: file.detect ?? true,
    simulator: file.simulator ?? true,
    log: { level: file.log?.level ?? 'info' },
    retention: { detailsMs: kept(file.retention?.details ?? '30d') },
    cors: { origins: file.cors?.origins ?? ['*'] },
    presets: buildPresets(file.presets ?? {}, context),
    providers: buildProviders(file.providers ?? {}, context),
    leftOut: [...leftOut],
  })
}

type RateFile = NonNullable<FileConfig['rate_limits']>

function rateLimitsOf({ key, organization, user, free_models: free }: RateFile): Config['rateLimits'] {
  return {
    key: ratesOf(key),
    organization: ratesOf(organization),
    user: ratesOf(user),
    freeModels: {
      requestsPerMinute: free?.requests_per_minute ?? null,
      requestsPerDay: free?.requests_per_day ?? null,
    },
  }
}

function ratesOf(rates: RateFile['key'] = {}): Config['rateLimits']['key'] {
  return {
    requestsPerMinute: rates.requests_per_minute ?? null,
    tokensPerMinute: rates.tokens_per_minute ?? null,
    concurrency: rates.concurrency ?? null,
  }
}

const DAY_MS = 86_400_000
/** Probes more often than this would be a load of their own. */
const SHORTEST_PROBE_MS = 1_000

function probeTime(text: string, context: BuildContext): number {
  const ms = time(text, '', ['probes'], context)
  if (ms < SHORTEST_PROBE_MS) context.problem(['probes'], 'probes must be at least 1s, or off.')
  return ms
}

function fallbacksOf(
  { on_refusal: onRefusal = false, ...rest }: NonNullable<FileConfig['fallbacks']>,
  { problem }: BuildContext,
): Config['fallbacks'] {
  const lists = rest as Readonly<Record<string, readonly string[]>>
  for (const [model, standIns] of Object.entries(lists)) {
    const path = ['fallbacks', model]
    if (model !== '*' && !/^[^\s/]+\/\S+$/.test(model)) {
      problem(path, `\`${model}\` is no model: write author/name, or \`*\` for all other models.`, true)
    }
    if (standIns.includes(model)) problem(path, `${model} cannot stand in for itself.`)
    if (standIns.some((name) => name.startsWith('sim/'))) {
      problem(path, 'Simulated models answer only when they are asked for; they stand in for no other.')
    }
  }
  return { lists, onRefusal }
}

function time(text: string | undefined, fallback: string, path: Path, { problem }: BuildContext): number {
  const ms = parseDuration(text ?? fallback)!
  if (ms < 1 || ms > DAY_MS) problem(path, `${path.join('.')} must be between 1ms and 24h.`)
  return ms
}

/** null: for ever. */
function kept(text: string): number | null {
  return text === 'forever' ? null : parseDuration(text)
}

function address(
  text: string | undefined,
  path: Path,
  protocols: readonly string[],
  { problem }: BuildContext,
): Secret | null {
  if (text === undefined) return null
  const protocol = URL.canParse(text) ? new URL(text).protocol : ''
  if (!protocols.includes(protocol)) {
    problem(path, `${path.join('.')} must be an address that begins with ${protocols[0]}//.`)
  }
  return new Secret(text)
}

/** Reached from this machine only. */
function isLoopback(host: string): boolean {
  return /^(localhost|127(\.\d{1,3}){3}|\[?::1\]?)$/i.test(host)
}

/** Freezes plain objects and lists all the way down; instances of classes (secrets) guard themselves. */
function deepFreeze<T>(value: T): T {
  if (typeof value !== 'object' || value === null || Object.isFrozen(value)) return value
  for (const inner of Object.values(value)) deepFreeze(inner)
  return Object.freeze(value)
}
