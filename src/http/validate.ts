import type { z } from 'zod'
import { GatewayError } from '../chat/index.ts'

/** The body as the schema wants it. Throws GatewayError `invalid_request` that names the first field that is wrong, and why. */
export function read<T extends z.ZodType>(schema: T, body: unknown): z.infer<T> {
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
