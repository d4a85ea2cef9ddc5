import type { ChatRequest } from '../../chat/index.ts'
import { counted } from '../anthropic-messages/count.ts'
import { encodeBody } from '../anthropic-messages/encode-request.ts'
import { forHost } from '../anthropic-messages/host.ts'
import type { EncodedRequest, WireTarget } from '../dialect.ts'
import type { Json } from '../json.ts'
import { VERTEX } from './wire.ts'

/** Below the version, where Vertex' paths have project and location put in. */
const MODELS = '/v1/publishers/anthropic/models/'

/**
 * `POST …/publishers/anthropic/models/{id}:rawPredict` or `:streamRawPredict` with a Messages body. What cannot be sent is
 * named in `dropped`. Throws GatewayError `unprocessable` for files that Vertex would have to fetch.
 */
export function encodeRequest(chat: ChatRequest, target: WireTarget): EncodedRequest<Json> {
  const encoded = encodeBody(chat, target)
  const { body, betas } = forHost(encoded, VERTEX)
  const { anthropic_version: version, ...rest } = body
  const verb = chat.stream ? 'streamRawPredict' : 'rawPredict'
  return {
    // The date of a model hangs on an @, which Google's clients send as it is.
    path: `${MODELS}${encodeURIComponent(target.upstreamId).replaceAll('%40', '@')}:${verb}`,
    headers: betas.length > 0 ? [['anthropic-beta', betas.join(',')]] : [],
    body: { anthropic_version: version, ...(chat.stream && { stream: true }), ...rest },
    dropped: encoded.drops.list,
  }
}

/** `POST …/models/count-tokens:rawPredict`, which has the model in its body. */
export function encodeCount(chat: ChatRequest, target: WireTarget): EncodedRequest<Json> {
  const { body, headers, dropped } = encodeRequest(chat, target)
  return {
    path: `${MODELS}count-tokens:rawPredict`,
    headers,
    body: { model: target.upstreamId, ...counted(body) },
    dropped,
  }
}
