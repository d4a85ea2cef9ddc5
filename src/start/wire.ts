import { hostname } from 'node:os'
import { Alerts } from '../alerts/index.ts'
import {
  type ConfiguredModel,
  createCatalog,
  loadSeed,
  withConfigured,
  withDialects,
} from '../catalog/index.ts'
import { type Config, providerSettings } from '../config/index.ts'
import { upstreamDialect } from '../dialects/index.ts'
import { alertWords } from '../http/alert-words.ts'
import { BodyReader, DEFAULT_BODY_LIMITS } from '../http/body.ts'
import { ExpectedOutput } from '../http/expected.ts'
import type { Gateway, Snapshot } from '../http/gateway.ts'
import { policyWarnings } from '../http/policy.ts'
import { presetWarnings } from '../http/presets.ts'
import { StickyBook } from '../http/sticky.ts'
import { estimateTokens } from '../http/tokens.ts'
import { KeyBook, keyHash, OrganizationBook, PresetBook } from '../identity/index.ts'
import { type Clock, GenerationIds, version, Wheel } from '../lib/index.ts'
import { type AlertRules, BudgetBook, type LedgerEvent, openLedger, usdToNanos } from '../money/index.ts'
import { type Environment, findProvider, ownProvider, type ProviderSettings } from '../providers/index.ts'
import {
  AwsCredentials,
  DrainSlots,
  GoogleTokens,
  openTransport,
  type RelayDeps,
  Targets,
  type Transport,
} from '../relay/index.ts'
import { HealthBook, type HealthEvent } from '../routing/index.ts'
import { createSimulator, SIMULATED_MODELS, SIMULATOR } from '../simulator/index.ts'
import { openSharedState, openStore, type SharedState } from '../store/index.ts'
import { faultFields, type Log } from '../telemetry/index.ts'
import { Pruner, WaybillTables } from '../usage/index.ts'
import { standInsOf } from './stand-ins.ts'

/** How often a node on Postgres looks for keys and organizations that another one changed, ms. */
const REFRESH_MS = 1_000

export interface WireOptions {
  readonly config: Config
  readonly env: Environment
  readonly clock: Clock
  readonly log: Log
  readonly operatorKey: string
  /** Sentences of the configuration itself. */
  readonly warnings: readonly string[]
  /** Local servers found running. */
  readonly local: readonly LocalServer[]
  readonly restore: (file: string) => Promise<void>
}

export interface LocalServer {
  readonly settings: ProviderSettings
  readonly models: readonly ConfiguredModel[]
}

export interface Wired {
  readonly gateway: Gateway
  /** The network to providers, for probes. */
  readonly transport: Transport
  /** Puts a new configuration in force for the requests to come. */
  apply(config: Config, warnings: readonly string[], local: readonly LocalServer[]): void
  /** Closes everything in order; requests must have ended. */
  close(): Promise<void>
}

const seed = createCatalogOfSeed()

function createCatalogOfSeed() {
  const { models, endpoints, version: name } = loadSeed()
  return createCatalog({ models, endpoints }, name)
}

/** Puts a gateway together: opens the store, resolves what a crash left open, and joins the rooms. */
export async function wire(options: WireOptions): Promise<Wired> {
  const { config, env, clock, log } = options
  const store = await openStore({ database: config.database?.reveal() ?? null, dataDir: config.data, clock })
  let rules = rulesOf(config)
  const ledger = await openLedger(store, {
    clock,
    node: hostname(),
    alerts: () => rules,
    onEvent: (event) => tell(log, event),
  })
  const recovered = await ledger.recover(clock.now())
  if (recovered.released + recovered.settled > 0)
    log.warn('resolved what the last run left open', { count: recovered.released + recovered.settled })
  const [keys, organizations, presets, budgets] = await Promise.all([
    KeyBook.open(store, clock),
    OrganizationBook.open(store),
    PresetBook.open(store, clock),
    BudgetBook.open(store, clock),
  ])
  const health = new HealthBook(Math.random, (event) => tellHealth(log, event))
  const transport = await openTransport({ proxy: proxyOf(env) })
  const credentials = { transport, direct: await openTransport(), clock }
  const identities = { google: new GoogleTokens(credentials), aws: new AwsCredentials(credentials) }
  const simulator = createSimulator({
    clock,
    timers: { setTimeout, clearTimeout: (timer) => clearTimeout(timer as NodeJS.Timeout) },
  })

  const relay: Omit<RelayDeps, 'target'> = {
    transport: (endpoint) => (endpoint.simulated ? simulator : transport),
    dialect: upstreamDialect,
    health,
    estimateTokens,
    clock,
    wheel: new Wheel(clock),
    drains: new DrainSlots(),
    log: (event, id, error) => log.error(event, { id, ...faultFields(error) }),
  }

  function snapshotOf(next: Config, warnings: readonly string[], local: readonly LocalServer[]): Snapshot {
    const resolved = providerSettings(next, env)
    const providers = new Map(resolved.settings)
    for (const { settings } of local)
      if (!providers.has(settings.definition.id)) providers.set(settings.definition.id, settings)
    if (next.simulator) providers.set(SIMULATOR.id, simulatorSettings)
    const configured = [
      ...resolved.models,
      ...local.flatMap(({ models }) => models),
      ...(next.simulator ? SIMULATED_MODELS : []),
    ]
    const targets = new Targets(providers, health, identities)
    const catalog = withConfigured(withDialects(seed, replacedDialects(next)), configured)
    const standIns = standInsOf(next.fallbacks, catalog)
    return {
      config: next,
      catalog,
      providers,
      targets,
      standIns: standIns.rules,
      relay: {
        ...relay,
        target: (endpoint, failed) => targets.target(endpoint, failed, clock.tick(), Math.random),
      },
      warnings: [
        ...warnings,
        ...resolved.warnings,
        ...standIns.warnings,
        ...presetWarnings(next),
        ...policyWarnings(next.policy, { catalog, providers }),
      ],
    }
  }

  const gateway: Gateway = {
    version,
    clock,
    ids: new GenerationIds(clock),
    log,
    store,
    ledger,
    keys,
    organizations,
    budgets,
    presets,
    alerts: new Alerts({
      store,
      clock,
      random: Math.random,
      destinations: () => gateway.snapshot.config.alerts.destinations,
      words: alertWords,
      onGivenUp: (label, error) =>
        log.warn('an alert was not taken and is not sent again', { destination: label, fault: error ?? '' }),
      onError: (error) => log.warn('alerts could not be delivered', faultFields(error)),
    }),
    health,
    sticky: new StickyBook(),
    bodies: new BodyReader(clock, { ...DEFAULT_BODY_LIMITS, maxBytes: config.server.bodyLimit }),
    tables: new WaybillTables(store),
    expected: new ExpectedOutput(),
    shared: await sharedState(config, clock, log),
    operatorHash: keyHash(options.operatorKey),
    snapshot: snapshotOf(config, options.warnings, options.local),
    states: [],
    inFlight: 0,
    draining: false,
    restore: options.restore,
  }
  gateway.alerts.start()
  const pruner = new Pruner(store, {
    keptMs: () => gateway.snapshot.config.retention.detailsMs,
    now: () => clock.now(),
    failed: (error) => log.warn('old details could not be forgotten', faultFields(error)),
  })
  const refresh = store.engine === 'postgres' ? setInterval(() => void pickUp(gateway), REFRESH_MS) : null
  refresh?.unref()
  return {
    gateway,
    transport,
    apply(next, warnings, local) {
      gateway.snapshot = snapshotOf(next, warnings, local)
      rules = rulesOf(next)
    },
    async close() {
      if (refresh !== null) clearInterval(refresh)
      await pruner.stop()
      await gateway.alerts.stop()
      await simulator.close()
      await transport.close()
      await credentials.direct.close()
      await gateway.shared.close()
      await ledger.close()
      await store.close()
    },
  }
}

function rulesOf({ alerts }: Config): AlertRules {
  const { thresholds, lowBalanceUsd } = alerts
  return { thresholds, lowBalanceNanos: lowBalanceUsd === null ? null : usdToNanos(lowBalanceUsd) }
}

/** Rates are counted here, or with the other nodes in Redis; without it for a while, each node counts by itself. */
function sharedState({ redis }: Config, clock: Clock, log: Log): Promise<SharedState> {
  return openSharedState({
    redis: redis?.reveal() ?? null,
    now: () => clock.tick(),
    onChange: (state, error) => {
      if (state === 'back') log.info('Redis answers again')
      else log.warn('Redis does not answer; rates are counted by this node alone', faultFields(error))
    },
  })
}

/** Dialects of known providers that the configuration replaces, by the provider's id. */
function replacedDialects({ providers }: Config): ReadonlyMap<string, string> {
  const replaced = providers.filter(
    ({ id, own, definition }) => !own && definition.dialect !== findProvider(id)?.dialect,
  )
  return new Map(replaced.map(({ id, definition }) => [id, definition.dialect]))
}

const simulatorSettings: ProviderSettings = {
  definition: {
    ...ownProvider(SIMULATOR.id, SIMULATOR.dialect, 'http://127.0.0.1'),
    name: SIMULATOR.name,
    cancelStopsBilling: SIMULATOR.cancelStopsBilling,
  },
  credentials: [],
  keyless: true,
  address: { origin: SIMULATOR.origin, basePath: '' },
  ownAddress: false,
  headers: [],
  deployments: {},
  variables: {},
}

async function pickUp(gateway: Gateway): Promise<void> {
  try {
    const books = [gateway.keys, gateway.organizations, gateway.presets, gateway.budgets]
    await Promise.all(books.map((book) => book.refresh()))
  } catch (error) {
    gateway.log.warn('keys could not be refreshed', faultFields(error))
  }
}

function tellHealth(log: Log, event: HealthEvent): void {
  switch (event.type) {
    case 'credential_refused':
      log.error('a provider refused its key; the key is left alone', {
        credential: event.credentialId,
        code: event.code,
      })
      return
    case 'credential_works':
      log.info('a refused key works again', { credential: event.credentialId })
      return
    case 'breaker_opened':
      log.warn('an endpoint fails; requests go elsewhere', { endpoint: event.endpointId })
      return
    case 'breaker_closed':
      log.info('an endpoint works again', { endpoint: event.endpointId })
      return
    default:
      event satisfies never
  }
}

function tell(log: Log, event: LedgerEvent): void {
  if (event.type === 'halted')
    log.error('the ledger cannot write; paid requests are refused', { fault: event.reason.slice(0, 200) })
  else if (event.type === 'resumed') log.warn('the ledger writes again', { ms: event.afterMs })
  else if (event.type === 'record_failed')
    log.error('a usage record lost its details', { id: event.holdId, ...faultFields(event.error) })
  else log.warn('a provider billed beyond the hold; the rest was written off', { id: event.holdId })
}

function proxyOf(
  env: Environment,
): { http: string | null; https: string | null; noProxy: string | null } | null {
  const first = (...names: string[]) =>
    names.map((name) => env[name]).find((value) => value !== undefined && value !== '') ?? null
  const http = first('http_proxy', 'HTTP_PROXY')
  const https = first('https_proxy', 'HTTPS_PROXY')
  return http === null && https === null ? null : { http, https, noProxy: first('no_proxy', 'NO_PROXY') }
}
