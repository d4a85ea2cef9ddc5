import { createCipheriv, createDecipheriv, hash, hkdfSync, randomBytes } from 'node:crypto'
import type { MiddlewareHandler } from 'hono'
import { GatewayError } from '../chat/index.ts'
import { type IdempotencyRow, StoreError } from '../store/index.ts'
import { credentialOf } from './authenticate.ts'
import { type Gateway, organizationOf, type RouteContext, type RouteEnv } from './gateway.ts'
import { incomingOf } from './guard.ts'
import { managementBody } from './validate.ts'

/** How long an answer is kept for repetition, ms. */
const KEPT_MS = 24 * 3_600_000
/** No write takes so long; one that has no answer by then was cut off, ms. */
const RUNNING_MS = 120_000
const FORM = /^[\x21-\x7e]{1,255}$/
const WRITES: ReadonlySet<string> = new Set(['POST', 'PUT', 'PATCH', 'DELETE'])

/**
 * A write with an `Idempotency-Key` is done once: for 24 hours its repetition gets the first answer again
 * (`idempotency-replayed: true`), 409 while the first one runs, 422 when its body is another. Keys count for one
 * credential and one route. Only successes are kept: after a refusal nothing was done, and the key is free again.
 * Comes behind `guard`.
 */
export function idempotent(gateway: Gateway): MiddlewareHandler<RouteEnv> {
  return async (c, next) => {
    const key = c.req.header('idempotency-key')
    const credential = credentialOf(incomingOf(c).headers)
    if (key === undefined || credential === null || !WRITES.has(c.req.method)) return next()
    if (!FORM.test(key))
      throw new GatewayError('invalid_request', 'Idempotency-Key must be 1 to 255 visible ASCII characters.')
    const body = await managementBody(gateway, c)
    const scope = hash('sha256', [hash('sha256', credential), c.req.method, c.req.path, key].join('\n'))
    const requestHash = hash('sha256', body)
    const first = await begin(gateway, {
      scope,
      organization_id: organizationOf(c.get('caller')),
      request_hash: requestHash,
      status: null,
      answer: null,
      created_at: BigInt(gateway.clock.now()),
    })
    if (first !== null) return repeated(first, requestHash, credential, gateway.clock.now())
    await next()
    await keep(gateway, c, scope, credential)
    return
  }
}

/** Takes the key for this request; or what stands under it already. */
async function begin(gateway: Gateway, row: IdempotencyRow): Promise<IdempotencyRow | null> {
  const { db } = gateway.store
  await db
    .deleteFrom('idempotency')
    .where('created_at', '<', row.created_at - BigInt(KEPT_MS))
    .execute()
  try {
    await db.insertInto('idempotency').values(row).execute()
    return null
  } catch (error) {
    if (!(error instanceof StoreError) || error.kind !== 'unique') throw error
  }
  const first = await db
    .selectFrom('idempotency')
    .selectAll()
    .where('scope', '=', row.scope)
    .executeTakeFirst()
  // The first one was refused a moment ago, and gave the key back.
  return first ?? { ...row }
}

function repeated(first: IdempotencyRow, requestHash: string, credential: string, now: number): Response {
  if (first.request_hash !== requestHash)
    throw new GatewayError(
      'unprocessable',
      'This Idempotency-Key came before with another body. Use a new key for another request.',
    )
  if (first.status === null || first.answer === null) {
    const cut = now - Number(first.created_at) > RUNNING_MS
    throw new GatewayError(
      'conflict',
      cut
        ? 'The first request with this Idempotency-Key was cut off: it may have been done or not. Look, then use a new key.'
        : 'The first request with this Idempotency-Key is still running. Ask again in a moment.',
      { retryAfterMs: cut ? null : 1_000 },
    )
  }
  return new Response(new Uint8Array(open(first.answer, credential, first.scope)), {
    status: first.status,
    headers: { 'content-type': 'application/json', 'idempotency-replayed': 'true' },
  })
}

async function keep(gateway: Gateway, c: RouteContext, scope: string, credential: string): Promise<void> {
  const { db } = gateway.store
  const { status } = c.res
  if (status >= 300) {
    await db.deleteFrom('idempotency').where('scope', '=', scope).execute()
    return
  }
  const bytes = Buffer.from(await c.res.clone().arrayBuffer())
  await db
    .updateTable('idempotency')
    .set({ status, answer: seal(bytes, credential, scope) })
    .where('scope', '=', scope)
    .execute()
}

/** An answer may hold a new key. It is sealed with the caller's credential, which is on no disk here. */
function seal(bytes: Buffer, credential: string, scope: string): Buffer {
  const nonce = randomBytes(12)
  const cipher = createCipheriv('aes-256-gcm', sealKey(credential, scope), nonce)
  return Buffer.concat([nonce, cipher.update(bytes), cipher.final(), cipher.getAuthTag()])
}

function open(sealed: Uint8Array, credential: string, scope: string): Buffer {
  const decipher = createDecipheriv('aes-256-gcm', sealKey(credential, scope), sealed.subarray(0, 12))
  decipher.setAuthTag(sealed.subarray(-16))
  return Buffer.concat([decipher.update(sealed.subarray(12, -16)), decipher.final()])
}

function sealKey(credential: string, scope: string): Buffer {
  return Buffer.from(hkdfSync('sha256', credential, scope, 'idempotent answer', 32))
}
