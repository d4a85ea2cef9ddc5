import type { Context } from 'hono'
import type { Catalog } from '../catalog/index.ts'
import type { Config, ProviderSettings } from '../config/index.ts'
import type { KeyBook, OrganizationBook } from '../identity/index.ts'
import type { Clock, GenerationIds } from '../lib/index.ts'
import type { Ledger } from '../money/index.ts'
import type { RelayDeps } from '../relay/index.ts'
import type { HealthBook } from '../routing/index.ts'
import type { Store } from '../store/index.ts'
import type { Log } from '../telemetry/index.ts'
import type { Caller } from './authenticate.ts'
import type { BodyReader } from './body.ts'

/** What a change of configuration replaces as one: requests in flight keep the one they began with. */
export interface Snapshot {
  readonly config: Config
  readonly catalog: Catalog
  readonly providers: ReadonlyMap<string, ProviderSettings>
  /** Sentences to show at the start and in `waybill doctor`. */
  readonly warnings: readonly string[]
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
  readonly health: HealthBook
  readonly bodies: BodyReader
  readonly relay: RelayDeps
  /** SHA-256 (hex) of this start's operator key. */
  readonly operatorHash: string
  /** Swapped whole by a reload. */
  snapshot: Snapshot
  /** True from SIGTERM on: `/ready` says 503, new requests are refused. */
  draining: boolean
  /** What only the process can do, asked for over the admin routes. */
  readonly process: {
    /** Replaces the database by a backup while running. Throws GatewayError with the reason when it may not. */
    restore(file: string): Promise<void>
  }
}

/** Variables of the routes behind Hono. */
export interface RouteEnv {
  Variables: { caller: Caller }
}

export type RouteContext = Context<RouteEnv>

/** The organization that a caller acts in. */
export function organizationOf(caller: Caller): string {
  return caller.kind === 'key' ? caller.key.organizationId : caller.organizationId
}
