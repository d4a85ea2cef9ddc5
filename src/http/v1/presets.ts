import { z } from 'zod'
import { GatewayError } from '../../chat/index.ts'
import {
  MOST_PRESETS,
  MOST_VERSIONS,
  type Preset,
  type PresetVersion,
  shownWorkspaceId,
} from '../../identity/index.ts'
import type { Caller } from '../authenticate.ts'
import { parseJson } from '../body.ts'
import { type Gateway, organizationOf, type RouteContext } from '../gateway.ts'
import { contentOf } from '../preset-shape.ts'
import { managementBody, readBody } from '../validate.ts'

const SLUG = /^[a-z0-9][a-z0-9._-]{0,63}$/
/** Largest settings of one version, characters of JSON: they are kept in memory. */
const MAX_CONFIG = 64 * 1024
/** Largest body that a preset is made of, bytes. */

/** Client formats that a preset can be made of, by the end of the path. */
const FORMATS: Readonly<Record<string, string>> = {
  '/chat/completions': 'openai-chat',
  '/messages': 'anthropic-messages',
  '/responses': 'openai-responses',
}

const Change = z.strictObject({
  name: z.string().min(1).max(200).optional(),
  description: z.string().max(1_000).nullable().optional(),
  status: z.enum(['active', 'disabled', 'archived']).optional(),
  /** Number of the version that requests get from now on. */
  version: z.number().int().min(1).max(MOST_VERSIONS).optional(),
})

/** `GET /presets`: the organization's, the last changed first, then those of the configuration. */
export function listPresets(gateway: Gateway, c: RouteContext): Response {
  const own = gateway.presets.list(organizationOf(c.get('caller')))
  const slugs = new Set(own.map(({ slug }) => slug))
  const all = [
    ...own.map(presetBody),
    ...configured(gateway)
      .filter(({ slug }) => !slugs.has(slug))
      .map(bare),
  ]
  const { offset, limit } = pageOf(c)
  return c.json({ data: all.slice(offset, offset + limit), total_count: all.length })
}

/** `GET /presets/{slug}` */
export function getPreset(gateway: Gateway, c: RouteContext): Response {
  const slug = c.req.param('slug') ?? ''
  const own = gateway.presets.find(organizationOf(c.get('caller')), slug)
  const shown =
    own === undefined ? configured(gateway).find((preset) => preset.slug === slug) : withVersion(own)
  if (shown === undefined) throw unknown(slug)
  return c.json({ data: shown })
}

/** `GET /presets/{slug}/versions`: the newest first. */
export async function listPresetVersions(gateway: Gateway, c: RouteContext): Promise<Response> {
  const preset = ownPreset(gateway, c)
  const { offset, limit } = pageOf(c)
  const { versions, total } = await gateway.presets.versions(preset, offset, limit)
  return c.json({ data: versions.map(versionBody), total_count: total })
}

/** `GET /presets/{slug}/versions/{version}` */
export async function getPresetVersion(gateway: Gateway, c: RouteContext): Promise<Response> {
  const preset = ownPreset(gateway, c)
  const number = Number(c.req.param('version'))
  const version =
    Number.isInteger(number) && number > 0 ? await gateway.presets.version(preset, number) : undefined
  if (version === undefined)
    throw new GatewayError('not_found', `The preset "${preset.slug}" has no such version.`)
  return c.json({ data: versionBody(version) })
}

/**
 * `POST /presets/{slug}/chat/completions`, `…/messages`, `…/responses`: keeps the settings of a request as a new version,
 * which requests get from now on. Makes the preset when there is none.
 */
export async function savePreset(gateway: Gateway, c: RouteContext): Promise<Response> {
  const slug = c.req.param('slug') ?? ''
  if (!SLUG.test(slug))
    throw new GatewayError(
      'invalid_request',
      'A preset is named by 1 to 64 lower-case letters, digits, dots, dashes and underscores.',
    )
  const body = parseJson(await managementBody(gateway, c))
  if (typeof body !== 'object' || body === null || Array.isArray(body))
    throw new GatewayError('invalid_request', 'The body must be a JSON object, as of a request.')
  const format = Object.entries(FORMATS).find(([end]) => c.req.path.endsWith(end))![1]
  const content = contentOf(format, body as Record<string, unknown>)
  if (JSON.stringify(content).length > MAX_CONFIG)
    throw new GatewayError(
      'payload_too_large',
      `The settings of a preset may have ${MAX_CONFIG} characters at most.`,
    )
  const saved = await gateway.presets.save(ownerOf(c.get('caller')), slug, content)
  if (saved === null)
    throw new GatewayError(
      'conflict',
      `An organization may have ${MOST_PRESETS} presets, and a preset ${MOST_VERSIONS} versions.`,
    )
  return c.json({ data: withVersion(saved) })
}

/** `PATCH /presets/{slug}`: name, description, status, and which version requests get. */
export async function changePreset(gateway: Gateway, c: RouteContext): Promise<Response> {
  const preset = ownPreset(gateway, c)
  const { name, description, status, version } = await readBody(gateway, c, Change)
  const changed = await gateway.presets.change(preset.organizationId, preset.slug, {
    ...(name !== undefined && { name }),
    ...(description !== undefined && { description }),
    ...(status !== undefined && { status }),
    ...(version !== undefined && { version }),
  })
  if (changed === undefined)
    throw new GatewayError('not_found', `The preset "${preset.slug}" has no such version.`)
  return c.json({ data: withVersion(changed) })
}

function ownPreset(gateway: Gateway, c: RouteContext): Preset {
  const slug = c.req.param('slug') ?? ''
  const preset = gateway.presets.find(organizationOf(c.get('caller')), slug)
  if (preset === undefined) throw unknown(slug)
  return preset
}

function ownerOf(caller: Caller) {
  if (caller.kind === 'operator') {
    const { organizationId, workspaceId } = caller
    return { organizationId, workspaceId, creatorUserId: null, creatorId: 'operator' }
  }
  const { organizationId, workspaceId, creatorUserId, hash } = caller.key
  return { organizationId, workspaceId, creatorUserId, creatorId: creatorUserId ?? hash }
}

function unknown(slug: string): GatewayError {
  return new GatewayError(
    'not_found',
    `There is no preset "${slug.slice(0, 64)}". GET /api/v1/presets lists those that there are.`,
  )
}

function pageOf(c: RouteContext): { offset: number; limit: number } {
  const read = (name: string, fallback: number, min: number, max: number) => {
    const text = c.req.query(name)
    const value = text === undefined || text === '' ? fallback : Number(text)
    if (!Number.isInteger(value) || value < min || value > max)
      throw new GatewayError('invalid_request', `"${name}" must be a whole number from ${min} to ${max}.`)
    return value
  }
  return { offset: read('offset', 0, 0, 1_000_000), limit: read('limit', 50, 1, 100) }
}

const time = (ms: number) => new Date(ms).toISOString()

/** Source of the shapes: OpenRouter's `Preset` and `PresetDesignatedVersion` (2026-08). */
function presetBody(preset: Preset) {
  return {
    id: preset.id,
    slug: preset.slug,
    name: preset.name,
    description: preset.description,
    status: preset.status as string,
    status_updated_at: preset.statusUpdatedAt === null ? null : time(preset.statusUpdatedAt),
    workspace_id: shownWorkspaceId(preset.workspaceId) as string | null,
    creator_user_id: preset.creatorUserId,
    designated_version_id: preset.designated.id as string | null,
    created_at: time(preset.createdAt),
    updated_at: time(preset.updatedAt),
  }
}

function withVersion(preset: Preset) {
  return { ...presetBody(preset), designated_version: versionBody(preset.designated) }
}

function versionBody(version: PresetVersion) {
  return {
    id: version.id,
    preset_id: version.presetId,
    version: version.version,
    config: version.config,
    system_prompt: version.systemPrompt,
    creator_id: version.creatorId,
    created_at: time(version.createdAt),
    updated_at: time(version.createdAt),
  }
}

/** The presets of the configuration, in the same shape: they have one version and belong to the installation. */
function configured(gateway: Gateway): ReturnType<typeof withVersion>[] {
  const since = time(0)
  return Object.entries(gateway.snapshot.config.presets).map(
    ([slug, { description, systemPrompt, config }]) => {
      const id = `config:${slug}`
      return {
        id,
        slug,
        name: slug,
        description,
        status: 'active',
        status_updated_at: null,
        workspace_id: null,
        creator_user_id: null,
        designated_version_id: `${id}:1`,
        created_at: since,
        updated_at: since,
        designated_version: {
          id: `${id}:1`,
          preset_id: id,
          version: 1,
          config,
          system_prompt: systemPrompt,
          creator_id: 'operator',
          created_at: since,
          updated_at: since,
        },
      }
    },
  )
}

function bare({ designated_version: _, ...preset }: ReturnType<typeof withVersion>) {
  return preset
}
