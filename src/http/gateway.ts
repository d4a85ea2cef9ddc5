import type { Context } from 'hono'
import type { Alerts } from '../alerts/index.ts'
import type { Catalog } from '../catalog/index.ts'
import type { Config } from '../config/index.ts'
import type { KeyBook, OrganizationBook, PresetBook } from '../identity/index.ts'
import type { Clock, GenerationIds } from '../lib/index.ts'
import type { BudgetBook, Ledger } from '../money/index.ts'
import type { ProviderSettings } from '../providers/index.ts'
import type { RelayDeps, Targets } from '../relay/index.ts'
import type { HealthBook, StandInRules } from '../routing/index.ts'
import type { SharedState, Store } from '../store/index.ts'
import type { Log } from '../telemetry/index.ts'
import type { WaybillTables } from '../usage/index.ts'
import type { Caller } from './authenticate.ts'
import type { BodyReader } from './body.ts'
import type { ExpectedOutput } from './expected.ts'
import type { StickyBook } from './sticky.ts'

/** What a change of configuration replaces as one: requests in flight keep the one they began with. */
export interface Snapshot {
  readonly config: Config
  readonly catalog: Catalog
  readonly providers: ReadonlyMap<string, ProviderSettings>
  readonly targets: Targets
  /** The operator's `fallbacks`, by catalog ids. */
  readonly standIns: StandInRules
  /** What carries requests, with this configuration's addresses. */
  readonly relay: RelayDeps
  /** Sentences to show at the start and in `waybill doctor`. */
  readonly warnings: readonly string[]
}

/** A provider with its credential as `waybill start` and `doctor` show it. */
export interface ProviderState {
  readonly providerId: string
  readonly name: string
  /** Where the credential comes from, e.g. `env:OPENAI_API_KEY`; never its value. */
  readonly source: string
  /** `works (61 models)`, `refused: 401`, `unreachable`, `checking`, `not checked`. */
  readonly state: string
}

/** Everything that handlers work with; put together in `main.ts`. */
export interface Gateway {
  readonly version: string
  readonly clock: Clock
  readonly ids: GenerationIds
  readonly log: Log
  readonly store: Store
  readonly ledger: Ledger
  readonly keys: KeyBook
  readonly organizations: OrganizationBook
  readonly budgets: BudgetBook
  readonly presets: PresetBook
  /** What goes out about money. */
  readonly alerts: Alerts
  readonly health: HealthBook
  /** Where conversations have warmed a prompt cache. */
  readonly sticky: StickyBook
  readonly bodies: BodyReader
  /** How long answers are going to be. */
  readonly expected: ExpectedOutput
  /** Rates and gates, kept together with the other nodes where there are several. */
  readonly shared: SharedState
  /** Where the candidates of waybills are kept, once each. */
  readonly tables: WaybillTables
  /** SHA-256 (hex) of this start's operator key. */
  readonly operatorHash: string
  /** Swapped whole by a reload. */
  snapshot: Snapshot
  /** True from SIGTERM on: `/ready` says 503, new requests are refused. */
  draining: boolean
  /** What the start found out about each credential, for people. */
  states: ProviderState[]
  /** Inference requests that have begun and not ended. */
  inFlight: number
  /** Replaces the database by a backup while running. Throws GatewayError with the reason when it may not. */
  readonly restore: (file: string) => Promise<void>
}

/** Variables of the routes behind Hono. */
export interface RouteEnv {
  Variables: {
    caller: Caller
    /** The body, where something before the route has read it. */
    body?: Buffer
  }
}

export type RouteContext = Context<RouteEnv>

/** The organization that a caller acts in. */
export function organizationOf(caller: Caller): string {
  return caller.kind === 'key' ? caller.key.organizationId : caller.organizationId
}

/** The workspace that a caller acts in where it names none. */
export function workspaceOf(caller: Caller): string {
  return caller.kind === 'key' ? caller.key.workspaceId : caller.workspaceId
}
