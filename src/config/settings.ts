import type { Path } from './problem.ts'

/** A value that environment and command line can set too. */
export interface Setting {
  readonly path: Path
  readonly env: string
  /** Without the dashes; null when there is no flag. */
  readonly flag: string | null
  /** Shown in the reference; the value itself is in `build.ts`. */
  readonly fallback: string
}

const at = (path: string, env: string, flag: string | null, fallback: string): Setting => ({
  path: path.split('.'),
  env: `WAYBILL_${env}`,
  flag,
  fallback,
})

/** Every scalar setting, in the order of the reference. */
export const SETTINGS: readonly Setting[] = [
  at('server.host', 'HOST', 'host', '127.0.0.1'),
  at('server.port', 'PORT', 'port', '7788'),
  at('server.public', 'PUBLIC', 'public', 'false'),
  at('server.allowed_hosts', 'ALLOWED_HOSTS', null, 'none'),
  at('server.body_limit', 'BODY_LIMIT', null, '32MiB'),
  at('data', 'DATA', 'data', './data in a clone, ~/.waybill when installed'),
  at('database', 'DATABASE', null, 'the embedded database'),
  at('redis', 'REDIS', null, 'none'),
  at('timeouts.connect', 'TIMEOUT_CONNECT', null, '5s'),
  at('timeouts.first_token', 'TIMEOUT_FIRST_TOKEN', null, 'auto'),
  at('timeouts.idle', 'TIMEOUT_IDLE', null, '30s'),
  at('timeouts.total', 'TIMEOUT_TOTAL', null, '30m'),
  at('retries', 'RETRIES', null, '2'),
  at('probes', 'PROBES', null, 'off'),
  at('rescue', 'RESCUE', null, 'auto'),
  at('policy.allowed_models', 'POLICY_ALLOWED_MODELS', null, 'all'),
  at('policy.allowed_providers', 'POLICY_ALLOWED_PROVIDERS', null, 'all'),
  at('policy.ignored_providers', 'POLICY_IGNORED_PROVIDERS', null, 'none'),
  at('policy.data_collection', 'POLICY_DATA_COLLECTION', null, 'allow'),
  at('policy.zdr', 'POLICY_ZDR', null, 'false'),
  at('alerts.low_balance', 'ALERTS_LOW_BALANCE', null, 'none'),
  at('credits', 'CREDITS', null, 'unlimited'),
  at('holds', 'HOLDS', null, 'tight'),
  at('detect', 'DETECT', 'detect', 'true'),
  at('simulator', 'SIMULATOR', 'simulator', 'true'),
  at('log.level', 'LOG_LEVEL', 'log-level', 'info'),
  at('retention.details', 'RETENTION_DETAILS', null, '30d'),
  at('cors.origins', 'CORS_ORIGINS', null, '*'),
]

/** Variables with our prefix that are no settings: they are not taken for slips of the pen. */
export const OTHER_VARIABLES = ['WAYBILL_CONFIG', 'WAYBILL_SECRET', 'WAYBILL_URL', 'WAYBILL_API_KEY'] as const
