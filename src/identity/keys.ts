import type { Clock } from '../lib/index.ts'
import type { ApiKeyRow, Store } from '../store/index.ts'
import { isKeyShaped, keyHash, keyLabel, mintKey } from './key.ts'
import { type KeyPolicy, policyColumns, policyOfRow } from './key-policy.ts'

/** Rates of a key's own; null: as the configuration gives every key. */
export interface KeyRates {
  readonly requestsPerMinute: number | null
  readonly tokensPerMinute: number | null
  /** Requests that run at once. */
  readonly concurrency: number | null
}

export const NO_RATES: KeyRates = { requestsPerMinute: null, tokensPerMinute: null, concurrency: null }

export type LimitReset = 'daily' | 'weekly' | 'monthly'

/** A key as the gateway uses it; the secret itself is kept nowhere. */
export interface ApiKey {
  /** SHA-256 of the key, hex. */
  readonly hash: string
  readonly label: string
  readonly name: string
  readonly kind: 'inference' | 'management'
  readonly organizationId: string
  readonly workspaceId: string
  readonly creatorUserId: string | null
  readonly disabled: boolean
  /** Cap in nano-USD per window of `limitReset` (null: for ever); null: no cap. */
  readonly limitNanos: bigint | null
  readonly limitReset: LimitReset | null
  readonly includeByokInLimit: boolean
  /** ms since the epoch. */
  readonly expiresAt: number | null
  readonly createdAt: number
  readonly updatedAt: number
  readonly rotatedFrom: string | null
  /** Hash of the first key of the rotation: limits count here, so that rotating a key never refills its cap. */
  readonly lineage: string
  readonly rates: KeyRates
  readonly policy: KeyPolicy
  readonly deleted: boolean
}

export interface NewKey {
  readonly name: string
  readonly kind: 'inference' | 'management'
  readonly organizationId: string
  readonly workspaceId: string
  readonly creatorUserId: string | null
  readonly limitNanos: bigint | null
  readonly limitReset: LimitReset | null
  readonly includeByokInLimit: boolean
  readonly expiresAt: number | null
  readonly rates: KeyRates
  readonly policy: KeyPolicy
}

export type KeyChange = Partial<
  Pick<
    ApiKey,
    | 'name'
    | 'disabled'
    | 'limitNanos'
    | 'limitReset'
    | 'includeByokInLimit'
    | 'expiresAt'
    | 'rates'
    | 'policy'
  >
>

/** How far behind the newest change seen the next look reaches: covers commits that end out of order. */
const OVERLAP_MS = 10_000

/**
 * All keys, in memory by hash, so that authentication never waits for a database. The database is the truth: changes
 * are written first. `refresh()` picks up what other nodes changed; a key unknown here is looked up once.
 */
export class KeyBook {
  readonly #store: Store
  readonly #clock: Clock
  readonly #keys = new Map<string, ApiKey>()
  #newest = 0n

  private constructor(store: Store, clock: Clock) {
    this.#store = store
    this.#clock = clock
  }

  static async open(store: Store, clock: Clock): Promise<KeyBook> {
    const book = new KeyBook(store, clock)
    await book.refresh()
    return book
  }

  /** The key that a client sent, by value; undefined when its form is wrong or nobody made it. Disabled, expired and deleted keys are found: the caller says which it is. */
  find(secret: string): ApiKey | undefined {
    return isKeyShaped(secret) ? this.#keys.get(keyHash(secret)) : undefined
  }

  /** A key that has not been deleted. */
  byHash(hash: string): ApiKey | undefined {
    const key = this.#keys.get(hash)
    return key?.deleted === true ? undefined : key
  }

  /** Like `find`, but asks the database when memory does not know the key (another node may have made it a moment ago). */
  async lookUp(secret: string): Promise<ApiKey | undefined> {
    const known = this.find(secret)
    if (known !== undefined || this.#store.engine === 'sqlite' || !isKeyShaped(secret)) return known
    const row = await this.#store.db
      .selectFrom('api_keys')
      .selectAll()
      .where('hash', '=', keyHash(secret))
      .executeTakeFirst()
    return row && this.#remember(row)
  }

  /** Newest first, without deleted ones. */
  list(organizationId: string): ApiKey[] {
    return [...this.#keys.values()]
      .filter((key) => key.organizationId === organizationId && !key.deleted)
      .sort((a, b) => b.createdAt - a.createdAt || (a.hash < b.hash ? -1 : 1))
  }

  /** Writes a new key; the secret is in the answer and nowhere else. */
  async create(wanted: NewKey, rotatedFrom: string | null = null): Promise<{ secret: string; key: ApiKey }> {
    const secret = mintKey()
    const now = BigInt(this.#clock.now())
    const row: ApiKeyRow = {
      hash: keyHash(secret),
      organization_id: wanted.organizationId,
      workspace_id: wanted.workspaceId,
      creator_user_id: wanted.creatorUserId,
      name: wanted.name,
      label: keyLabel(secret),
      kind: wanted.kind,
      disabled: 0,
      limit_nanos: wanted.limitNanos,
      limit_reset: wanted.limitReset,
      include_byok_in_limit: wanted.includeByokInLimit ? 1 : 0,
      expires_at: wanted.expiresAt === null ? null : BigInt(wanted.expiresAt),
      created_at: now,
      updated_at: now,
      rotated_from: rotatedFrom,
      deleted_at: null,
      ...rateColumns(wanted.rates),
      ...policyColumns(wanted.policy),
    }
    await this.#store.db.insertInto('api_keys').values(row).execute()
    return { secret, key: this.#remember(row) }
  }

  /** Changes what is given; undefined when no such key exists. */
  async change(hash: string, change: KeyChange): Promise<ApiKey | undefined> {
    const row = await this.#store.db
      .updateTable('api_keys')
      .set({
        ...(change.name !== undefined && { name: change.name }),
        ...(change.disabled !== undefined && { disabled: change.disabled ? 1 : 0 }),
        ...(change.limitNanos !== undefined && { limit_nanos: change.limitNanos }),
        ...(change.limitReset !== undefined && { limit_reset: change.limitReset }),
        ...(change.includeByokInLimit !== undefined && {
          include_byok_in_limit: change.includeByokInLimit ? 1 : 0,
        }),
        ...(change.expiresAt !== undefined && {
          expires_at: change.expiresAt === null ? null : BigInt(change.expiresAt),
        }),
        ...(change.rates !== undefined && rateColumns(change.rates)),
        ...(change.policy !== undefined && policyColumns(change.policy)),
        updated_at: BigInt(this.#clock.now()),
      })
      .where('hash', '=', hash)
      .where('deleted_at', 'is', null)
      .returningAll()
      .executeTakeFirst()
    return row && this.#remember(row)
  }

  /**
   * Ends a key for good: it answers 401 and stands in no list. Its row, usage and limits stay, so that history adds up
   * and a successor's cap is not refilled. @returns whether there was one
   */
  async remove(hash: string): Promise<boolean> {
    const now = BigInt(this.#clock.now())
    const row = await this.#store.db
      .updateTable('api_keys')
      .set({ deleted_at: now, updated_at: now })
      .where('hash', '=', hash)
      .where('deleted_at', 'is', null)
      .returningAll()
      .executeTakeFirst()
    if (row !== undefined) this.#remember(row)
    return row !== undefined
  }

  /**
   * Replaces a key by a new one with the same settings. The old one works until `overlapMs` have passed, so that its
   * users can change over. Undefined when no such key exists.
   */
  async rotate(hash: string, overlapMs: number): Promise<{ secret: string; key: ApiKey } | undefined> {
    const old = this.byHash(hash)
    if (old === undefined) return undefined
    const made = await this.create(old, hash)
    const end = this.#clock.now() + overlapMs
    await this.change(
      hash,
      overlapMs === 0 ? { disabled: true } : { expiresAt: Math.min(end, old.expiresAt ?? end) },
    )
    return made
  }

  /** Loads what changed since the last look; everything the first time. */
  async refresh(): Promise<void> {
    const rows = await this.#store.db
      .selectFrom('api_keys')
      .selectAll()
      .where('updated_at', '>=', this.#newest - BigInt(OVERLAP_MS))
      .orderBy('created_at')
      .execute()
    for (const row of rows) this.#remember(row)
  }

  #remember(row: ApiKeyRow): ApiKey {
    const parent = row.rotated_from
    const key = fromRow(row, parent === null ? row.hash : (this.#keys.get(parent)?.lineage ?? parent))
    this.#keys.set(key.hash, key)
    if (row.updated_at > this.#newest) this.#newest = row.updated_at
    return key
  }
}

function fromRow(row: ApiKeyRow, lineage: string): ApiKey {
  return {
    hash: row.hash,
    label: row.label,
    name: row.name,
    kind: row.kind === 'management' ? 'management' : 'inference',
    organizationId: row.organization_id,
    workspaceId: row.workspace_id,
    creatorUserId: row.creator_user_id,
    disabled: Number(row.disabled) !== 0,
    limitNanos: row.limit_nanos,
    limitReset: row.limit_reset as LimitReset | null,
    includeByokInLimit: Number(row.include_byok_in_limit) !== 0,
    expiresAt: row.expires_at === null ? null : Number(row.expires_at),
    createdAt: Number(row.created_at),
    updatedAt: Number(row.updated_at),
    rotatedFrom: row.rotated_from,
    lineage,
    rates: {
      requestsPerMinute: row.requests_per_minute,
      tokensPerMinute: row.tokens_per_minute,
      concurrency: row.concurrency,
    },
    policy: policyOfRow(row),
    deleted: row.deleted_at !== null,
  }
}

function rateColumns({ requestsPerMinute, tokensPerMinute, concurrency }: KeyRates) {
  return { requests_per_minute: requestsPerMinute, tokens_per_minute: tokensPerMinute, concurrency }
}
