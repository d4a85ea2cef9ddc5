import type { ClientDialect } from '../dialects/index.ts'
import { withMetadata, withStreamMetadata } from '../dialects/index.ts'
import { type Plan, type RouterMetadata, routerMetadata, waybillLine } from '../routing/index.ts'
import type { Call } from './call.ts'
import { ResponseSink } from './sink.ts'

/** The client's side of an answer that tells where it came from: in a header, and in the body when that was asked for. */
export class WaybillSink extends ResponseSink {
  readonly #call: Call
  readonly #plan: Plan
  readonly #told: boolean

  constructor(call: Call, plan: Plan, headers: readonly string[]) {
    super(call.response, call.snapshot.relay.wheel, headers)
    this.#call = call
    this.#plan = plan
    this.#told = wantsMetadata(call)
  }

  override head(status: number, headers: readonly string[]): void {
    super.head(status, this.#with(headers))
  }

  override end(chunk: Uint8Array | null): void {
    const told = this.#told && chunk !== null ? withStreamMetadata(chunk, metadataOf(this.#call)) : chunk
    super.end(told)
  }

  override reply(status: number, headers: readonly string[], body: Uint8Array | string): void {
    super.reply(status, this.#with(headers), this.#told ? this.#annotated(status, headers, body) : body)
  }

  #with(headers: readonly string[]): readonly string[] {
    return [...headers, 'x-waybill', waybillLine(this.#plan, this.#call.trace)]
  }

  #annotated(status: number, headers: readonly string[], body: Uint8Array | string): Uint8Array | string {
    if (status === 500) return body
    const metadata = metadataOf(this.#call)
    // An error that the client's format tells as an answer comes as a stream to who asked for one.
    const type = headers[headers.indexOf('content-type') + 1]
    return type?.startsWith('text/event-stream')
      ? withStreamMetadata(Buffer.from(body), metadata)
      : withMetadata(body, metadata)
  }
}

/** `X-OpenRouter-Metadata: enabled`, under its old name too, in any case; anything else is off. */
function wantsMetadata(call: Call): boolean {
  const { headers } = call.request
  const value = headers['x-openrouter-metadata'] ?? headers['x-openrouter-experimental-metadata']
  return typeof value === 'string' && value.toLowerCase() === 'enabled'
}

function metadataOf({ plan, requested, trace }: Call): RouterMetadata {
  const last = trace.at(-1)
  return routerMetadata({
    plan,
    tries: trace,
    requested,
    isByok: last?.credentialId != null && plan?.credentials?.includes(last.credentialId) === true,
    durationMs: last?.durationMs ?? null,
    dropped: last?.dropped.map(({ parameter }) => parameter) ?? [],
  })
}

/**
 * For a request that fails before its answer begins: the client's format, whose errors tell how far the request came when
 * that was asked for (those of status 500 tell nothing). The header goes onto the response at once, if there is a plan.
 */
export function tellingErrors(call: Call, dialect: ClientDialect): ClientDialect {
  const { response, plan, trace } = call
  if (plan !== null && !response.headersSent) response.setHeader('x-waybill', waybillLine(plan, trace))
  if (!wantsMetadata(call)) return dialect
  return {
    ...dialect,
    encodeError(error, id) {
      const { status, body } = dialect.encodeError(error, id)
      if (status === 500) return { status, body }
      return { status, body: { ...(body as object), openrouter_metadata: metadataOf(call) } }
    },
  }
}
