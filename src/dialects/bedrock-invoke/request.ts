import type { ChatRequest } from '../../chat/index.ts'
import { withoutTtl } from '../anthropic-messages/cache.ts'
import { encodeBody } from '../anthropic-messages/encode-request.ts'
import { forHost } from '../anthropic-messages/host.ts'
import { traitsOf } from '../anthropic-messages/models.ts'
import type { EncodedRequest, WireTarget } from '../dialect.ts'
import { type Json, object, text } from '../json.ts'
import { BEDROCK, EFFORT_BETA } from './wire.ts'

/** Fields that clients of Bedrock know from Converse: guardrails, and fields of the model's own format. */
const GUARDRAIL = 'guardrailConfig'
const EXTRA = 'additionalModelRequestFields'

/**
 * `POST /model/{id}/invoke` or `/invoke-with-response-stream` with a Messages body. Guardrails, which Converse names in
 * its body (`guardrailConfig`), travel as headers. What cannot be sent is named in `dropped`.
 * Throws GatewayError `unprocessable` for files that Bedrock would have to fetch.
 */
export function encodeRequest(chat: ChatRequest, target: WireTarget): EncodedRequest<Json> {
  const encoded = encodeBody(chat, target)
  const { body, betas } = forHost(encoded, BEDROCK)
  const { anthropic_version: version, [GUARDRAIL]: _guardrail, [EXTRA]: _extra, ...rest } = body
  const effort = object(rest['output_config'])?.['effort']
  const { thinking, schemas, known } = traitsOf(target.upstreamId)
  // Bedrock gave both to Claude with the same generation.
  if (known && !schemas) withoutTtl(rest, encoded.drops)
  const needed = effort !== undefined && thinking === 'budget' ? [EFFORT_BETA] : []
  const features = [...new Set([...betas, ...needed])]
  const verb = chat.stream ? 'invoke-with-response-stream' : 'invoke'
  return {
    path: `/model/${encodeURIComponent(target.upstreamId)}/${verb}`,
    headers: guardrailHeaders(object(chat.wire[GUARDRAIL])),
    body: {
      anthropic_version: version,
      ...(features.length > 0 && { anthropic_beta: features }),
      ...object(chat.wire[EXTRA]),
      ...rest,
    },
    dropped: encoded.drops.list.filter(({ parameter }) => parameter !== GUARDRAIL && parameter !== EXTRA),
  }
}

/** Source: Bedrock's API reference of InvokeModel. */
function guardrailHeaders(config: Json | null): [string, string][] {
  const headers: [string, string | null][] = [
    ['x-amzn-bedrock-guardrailidentifier', text(config?.['guardrailIdentifier'])],
    ['x-amzn-bedrock-guardrailversion', text(config?.['guardrailVersion'])],
    ['x-amzn-bedrock-trace', text(config?.['trace'])?.toUpperCase() ?? null],
  ]
  return headers.filter((pair): pair is [string, string] => isHeader(pair[1]))
}

const isHeader = (value: string | null): boolean => value !== null && /^[\x21-\x7e]{1,2048}$/.test(value)
