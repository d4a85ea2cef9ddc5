import { randomUUID } from 'node:crypto'
import type { Clock } from '../lib/index.ts'
import { type PresetRow, type PresetVersionRow, type Store, StoreError } from '../store/index.ts'

export type PresetStatus = 'active' | 'disabled' | 'archived'

/** Settings of a request under one number; never changed once made. */
export interface PresetVersion {
  readonly id: string
  readonly presetId: string
  readonly version: number
  readonly systemPrompt: string | null
  /** Fields of a Chat Completions request. */
  readonly config: Readonly<Record<string, unknown>>
  readonly creatorId: string
  /** ms since the epoch. */
  readonly createdAt: number
}

/** A preset with the version that requests get. */
export interface Preset {
  readonly id: string
  readonly organizationId: string
  readonly workspaceId: string
  readonly creatorUserId: string | null
  readonly slug: string
  readonly name: string
  readonly description: string | null
  readonly status: PresetStatus
  readonly statusUpdatedAt: number | null
  readonly createdAt: number
  readonly updatedAt: number
  readonly designated: PresetVersion
}

/** Whose preset it is, and who makes this version. */
export interface PresetOwner {
  readonly organizationId: string
  readonly workspaceId: string
  readonly creatorUserId: string | null
  /** The member, or the hash of the key. */
  readonly creatorId: string
}

export interface PresetContent {
  readonly systemPrompt: string | null
  readonly config: Readonly<Record<string, unknown>>
}

export interface PresetChange {
  readonly name?: string
  readonly description?: string | null
  readonly status?: PresetStatus
  /** Number of the version that requests are to get. */
  readonly version?: number
}

/** Most presets of an organization and most versions of a preset: all presets are in memory with one version each. */
export const MOST_PRESETS = 500
export const MOST_VERSIONS = 1_000

/** How often a save is tried when other nodes save the same preset at the same time. */
const MOST_TRIES = 8

/** How far behind the newest change seen the next look reaches: covers commits that end out of order. */
const OVERLAP_MS = 10_000n

/**
 * All presets, in memory by organization and slug, so that a request never waits for a database. The database is the
 * truth: changes are written first. `refresh()` picks up what other nodes changed.
 */
export class PresetBook {
  readonly #store: Store
  readonly #clock: Clock
  readonly #presets = new Map<string, Map<string, Preset>>()
  #newest = 0n

  private constructor(store: Store, clock: Clock) {
    this.#store = store
    this.#clock = clock
  }

  static async open(store: Store, clock: Clock): Promise<PresetBook> {
    const book = new PresetBook(store, clock)
    await book.refresh()
    return book
  }

  /** The preset of an organization, in any status. */
  find(organizationId: string, slug: string): Preset | undefined {
    return this.#presets.get(organizationId)?.get(slug)
  }

  /** All of an organization, the last changed first. */
  list(organizationId: string): Preset[] {
    const own = [...(this.#presets.get(organizationId)?.values() ?? [])]
    return own.sort((a, b) => b.updatedAt - a.updatedAt || (a.slug < b.slug ? -1 : 1))
  }

  /**
   * Makes a preset, or a further version of one, which requests get from now on. Resolves to null when the organization
   * has as many presets, or the preset as many versions, as it may.
   */
  async save(owner: PresetOwner, slug: string, content: PresetContent): Promise<Preset | null> {
    const known = this.find(owner.organizationId, slug)
    if (known === undefined && this.list(owner.organizationId).length >= MOST_PRESETS) return null
    for (let tries = 1; ; tries++) {
      try {
        const made = await this.#insert(owner, slug, content)
        return made && this.#remember(made.row, made.versionRow)
      } catch (error) {
        // Another node has taken the number in the meantime.
        if (!(error instanceof StoreError) || error.kind !== 'unique' || tries === MOST_TRIES) throw error
      }
    }
  }

  /** Changes what is given; undefined when there is no such preset or no such version of it. */
  async change(organizationId: string, slug: string, change: PresetChange): Promise<Preset | undefined> {
    const known = this.find(organizationId, slug)
    if (known === undefined) return undefined
    const number = change.version ?? known.designated.version
    const versionRow = await this.#version(known.id, number)
    if (versionRow === undefined) return undefined
    const now = BigInt(this.#clock.now())
    const row = await this.#store.db
      .updateTable('presets')
      .set({
        ...(change.name !== undefined && { name: change.name }),
        ...(change.description !== undefined && { description: change.description }),
        ...(change.status !== undefined && { status: change.status, status_updated_at: now }),
        version: number,
        updated_at: now,
      })
      .where('id', '=', known.id)
      .returningAll()
      .executeTakeFirst()
    return row && this.#remember(row, versionRow)
  }

  /** Versions of a preset, the newest first. */
  async versions(
    preset: Preset,
    offset: number,
    limit: number,
  ): Promise<{ readonly versions: PresetVersion[]; readonly total: number }> {
    const of = this.#store.db.selectFrom('preset_versions').where('preset_id', '=', preset.id)
    const rows = await of.selectAll().orderBy('version', 'desc').offset(offset).limit(limit).execute()
    const { total } = await of.select((e) => e.fn.countAll<bigint>().as('total')).executeTakeFirstOrThrow()
    return { versions: rows.map(versionOf), total: Number(total) }
  }

  /** One version of a preset by its number. */
  async version(preset: Preset, number: number): Promise<PresetVersion | undefined> {
    if (number === preset.designated.version) return preset.designated
    const row = await this.#version(preset.id, number)
    return row && versionOf(row)
  }

  /** Loads what changed since the last look; everything the first time. */
  async refresh(): Promise<void> {
    const rows = await this.#store.db
      .selectFrom('presets')
      .innerJoin('preset_versions as v', (on) =>
        on.onRef('v.preset_id', '=', 'presets.id').onRef('v.version', '=', 'presets.version'),
      )
      .selectAll('presets')
      .select(['v.id as v_id', 'v.creator_id', 'v.system_prompt', 'v.config', 'v.created_at as v_created_at'])
      .where('presets.updated_at', '>=', this.#newest - OVERLAP_MS)
      .execute()
    for (const { v_id, creator_id, system_prompt, config, v_created_at, ...row } of rows) {
      const versionRow = { ...row, id: v_id, preset_id: row.id, creator_id, system_prompt, config }
      this.#remember(row, { ...versionRow, created_at: v_created_at })
    }
  }

  async #insert(
    { organizationId, workspaceId, creatorUserId, creatorId }: PresetOwner,
    slug: string,
    { systemPrompt, config }: PresetContent,
  ): Promise<{ row: PresetRow; versionRow: PresetVersionRow } | null> {
    const now = BigInt(this.#clock.now())
    const scope = {
      organization_id: organizationId,
      workspace_id: workspaceId,
      creator_user_id: creatorUserId,
    }
    return this.#store.db.transaction().execute(async (tx) => {
      const presets = tx.selectFrom('presets').selectAll().where('organization_id', '=', organizationId)
      const old = await presets.where('slug', '=', slug).executeTakeFirst()
      const versions = tx.selectFrom('preset_versions').select('version').orderBy('version', 'desc')
      const last = old && (await versions.where('preset_id', '=', old.id).executeTakeFirst())
      const version = (last?.version ?? 0) + 1
      if (version > MOST_VERSIONS) return null
      const fresh = { ...scope, id: randomUUID(), slug, name: slug, description: null, created_at: now }
      const row: PresetRow = {
        ...(old ?? { ...fresh, status: 'active', status_updated_at: null }),
        version,
        updated_at: now,
      }
      const versionRow: PresetVersionRow = {
        ...scope,
        id: randomUUID(),
        preset_id: row.id,
        creator_id: creatorId,
        version,
        system_prompt: systemPrompt,
        config: JSON.stringify(config),
        created_at: now,
      }
      await tx.insertInto('preset_versions').values(versionRow).execute()
      if (old === undefined) await tx.insertInto('presets').values(row).execute()
      else
        await tx.updateTable('presets').set({ version, updated_at: now }).where('id', '=', row.id).execute()
      return { row, versionRow }
    })
  }

  #version(presetId: string, number: number): Promise<PresetVersionRow | undefined> {
    return this.#store.db
      .selectFrom('preset_versions')
      .selectAll()
      .where('preset_id', '=', presetId)
      .where('version', '=', number)
      .executeTakeFirst()
  }

  #remember(row: PresetRow, versionRow: PresetVersionRow): Preset {
    const own = this.#presets.get(row.organization_id) ?? new Map<string, Preset>()
    this.#presets.set(row.organization_id, own)
    const known = own.get(row.slug)
    // The same version stays the same object: what was made of it is still right.
    const designated = known?.designated.id === versionRow.id ? known.designated : versionOf(versionRow)
    const preset = presetOf(row, designated)
    own.set(row.slug, preset)
    if (row.updated_at > this.#newest) this.#newest = row.updated_at
    return preset
  }
}

function presetOf(row: PresetRow, designated: PresetVersion): Preset {
  return {
    id: row.id,
    organizationId: row.organization_id,
    workspaceId: row.workspace_id,
    creatorUserId: row.creator_user_id,
    slug: row.slug,
    name: row.name,
    description: row.description,
    status: row.status === 'disabled' || row.status === 'archived' ? row.status : 'active',
    statusUpdatedAt: row.status_updated_at === null ? null : Number(row.status_updated_at),
    createdAt: Number(row.created_at),
    updatedAt: Number(row.updated_at),
    designated,
  }
}

function versionOf(row: PresetVersionRow): PresetVersion {
  return {
    id: row.id,
    presetId: row.preset_id,
    version: row.version,
    systemPrompt: row.system_prompt,
    config: JSON.parse(row.config) as Record<string, unknown>,
    creatorId: row.creator_id,
    createdAt: Number(row.created_at),
  }
}
