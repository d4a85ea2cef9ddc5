import { type ChatRequest, GatewayError } from '../chat/index.ts'
import { type ClientDialect, dearerWish, type RequestTarget, withoutHosted } from '../dialects/index.ts'

const UNPRICED = 'the provider bills it by the call, at a price that is not known here'

/**
 * Reads the body of an inference request. Where money is counted, tools that the provider would bill at an unknown price
 * are left out, and named in `dropped`.
 * Throws as the dialect does, GatewayError `no_endpoints` when such a tool is asked for with `require_parameters`, and
 * `invalid_request` for a wish that costs more and cannot be left out.
 */
export function readRequest(
  dialect: ClientDialect,
  body: unknown,
  target: RequestTarget,
  moneyCounts: boolean,
): ChatRequest {
  const dearer = moneyCounts ? dearerWish(dialect.id, body) : null
  if (dearer !== null)
    throw new GatewayError(
      'invalid_request',
      `\`${dearer}\` is billed above the list price, and this key's money is counted by that. Leave it out, and say with provider.only which providers may serve the request.`,
      { metadata: { param: dearer } },
    )
  const { body: left, taken } = moneyCounts ? withoutHosted(dialect.id, body) : { body, taken: [] }
  const chat = dialect.decodeRequest(left, target)
  if (taken.length === 0) return chat
  if (chat.provider.requireParameters === true)
    throw new GatewayError(
      'no_endpoints',
      `No endpoint may serve ${taken.join(', ')}: ${UNPRICED}, and this key's money is counted. Leave it out, leave out provider.require_parameters, or use a key without a limit in an organization with unlimited credits.`,
    )
  return { ...chat, withheld: taken.map((parameter) => ({ parameter, reason: UNPRICED })) }
}
