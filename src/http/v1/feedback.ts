import { randomUUID } from 'node:crypto'
import { z } from 'zod'
import type { FeedbackRow } from '../../store/index.ts'
import { type Gateway, organizationOf, type RouteContext } from '../gateway.ts'
import { readBody } from '../validate.ts'
import { findGeneration } from './generation.ts'
import { page } from './page.ts'

/** The newest that are shown. */
const MOST_SHOWN = 10_000

const Submit = z.strictObject({
  generation_id: z.string().min(1).max(128),
  category: z.enum([
    'latency',
    'incoherence',
    'incorrect_response',
    'formatting',
    'billing',
    'api_error',
    'other',
  ]),
  comment: z.string().max(1000).optional(),
})

/** `POST /generation/feedback`: what someone says of a call; kept beside it. */
export async function submitFeedback(gateway: Gateway, c: RouteContext): Promise<Response> {
  const body = await readBody(gateway, c, Submit)
  const { generation } = await findGeneration(gateway, c, body.generation_id)
  const caller = c.get('caller')
  await gateway.store.db
    .insertInto('feedback')
    .values({
      id: randomUUID(),
      organization_id: generation.organization_id,
      workspace_id: generation.workspace_id,
      creator_user_id: caller.kind === 'key' ? caller.key.creatorUserId : null,
      generation_id: generation.id,
      category: body.category,
      // U+0000 cannot be kept by either database.
      comment: body.comment?.replaceAll('\0', '') ?? null,
      created_at: BigInt(gateway.clock.now()),
    })
    .execute()
  return c.json({ data: { success: true } })
}

/** `GET /generation/feedback`, ours: what was said, the newest first. */
export async function listFeedback(gateway: Gateway, c: RouteContext): Promise<Response> {
  const rows = await gateway.store.db
    .selectFrom('feedback')
    .selectAll()
    .where('organization_id', '=', organizationOf(c.get('caller')))
    .orderBy('created_at', 'desc')
    .orderBy('id')
    .limit(MOST_SHOWN)
    .execute()
  return c.json(page(c, rows, feedbackObject))
}

function feedbackObject(row: FeedbackRow): Record<string, unknown> {
  return {
    id: row.id,
    generation_id: row.generation_id,
    category: row.category,
    comment: row.comment,
    creator_user_id: row.creator_user_id,
    created_at: new Date(Number(row.created_at)).toISOString(),
  }
}
