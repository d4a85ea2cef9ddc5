import type { z } from 'zod'
import { GatewayError } from '../chat/index.ts'
import { parseJson } from './body.ts'
import type { Gateway, RouteContext } from './gateway.ts'
import { incomingOf } from './guard.ts'

/** Largest body of a management request, bytes: far above any real one. */
const MAX_BODY = 1024 * 1024

/**
 * The body of a management request as the schema wants it; an empty one counts as `{}`. Throws GatewayError
 * `invalid_request` that names the first field that is wrong, and why, or what `BodyReader` throws.
 */
export async function readBody<T extends z.ZodType>(
  gateway: Gateway,
  c: RouteContext,
  schema: T,
): Promise<z.infer<T>> {
  const bytes = await managementBody(gateway, c)
  // Neither database keeps U+0000 in text.
  if (bytes.includes('\\u0000'))
    throw new GatewayError('invalid_request', 'Text in the body must not hold the character U+0000.')
  return checked(bytes.length === 0 ? {} : parseJson(bytes), schema)
}

/** The bytes of a management request's body, read once. Throws as `BodyReader` does. */
export async function managementBody(gateway: Gateway, c: RouteContext): Promise<Buffer> {
  const read = c.get('body') ?? (await gateway.bodies.read(incomingOf(c), MAX_BODY))
  c.set('body', read)
  return read
}

/** A parsed body as the schema wants it; throws as `readBody` does. */
export function checked<T extends z.ZodType>(body: unknown, schema: T): z.infer<T> {
  const result = schema.safeParse(body)
  if (result.success) return result.data
  const issue = result.error.issues[0]!
  const field = issue.path.join('.')
  throw new GatewayError(
    'invalid_request',
    field === '' ? `The request body is wrong: ${issue.message}.` : `"${field}" is wrong: ${issue.message}.`,
    { metadata: { param: field === '' ? null : field } },
  )
}
