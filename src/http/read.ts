import { type ChatRequest, GatewayError } from '../chat/index.ts'
import { type ClientDialect, dearerWish, type RequestTarget, withoutHosted } from '../dialects/index.ts'

const UNPRICED = 'the provider bills it by the call, at a price that is not known here'

/**
 * Reads the body of an inference request. Where money is counted, tools that the provider would bill at an unknown price
 * are left out, and named in `dropped`.
 * Throws as the dialect does, GatewayError `no_endpoints` when such a tool is asked for with `require_parameters`, and
 * `invalid_request` for one without which the request makes no sense and for a wish that costs more.
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
  const {
    body: left,
    taken,
    essential,
  } = moneyCounts ? withoutHosted(dialect.id, body) : { body, taken: [], essential: false }
  const chat = dialect.decodeRequest(left, target)
  if (taken.length === 0) return chat
  const why = `${UNPRICED}, and this key's money is counted`
  const instead = 'use a key without a limit in an organization with unlimited credits'
  if (chat.provider.requireParameters === true)
    throw new GatewayError(
      'no_endpoints',
      `No endpoint may serve ${taken.join(', ')}: ${why}. Leave it out, leave out provider.require_parameters, or ${instead}.`,
    )
  // An answer without its only tool would be a guess that looks like a finding.
  if (essential)
    throw new GatewayError(
      'invalid_request',
      `The request is about ${taken.join(', ')}, which may not be asked for: ${why}. Leave it out, give tools that you run yourself, or ${instead}.`,
      { metadata: { param: 'tools' } },
    )
  return { ...chat, withheld: taken.map((parameter) => ({ parameter, reason: UNPRICED })) }
}
