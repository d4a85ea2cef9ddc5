import type { IncomingMessage, ServerResponse } from 'node:http'
import type { ChatRequest } from '../chat/index.ts'
import type { ApiKey } from '../identity/index.ts'
import type { AttemptTrace, RelayResult, Timeouts } from '../relay/index.ts'
import type { Plan } from '../routing/index.ts'
import type { CallFacts } from '../usage/index.ts'
import type { Gateway, Snapshot } from './gateway.ts'
import type { ResponseSink } from './sink.ts'
import { WaybillSink } from './waybill-sink.ts'

/** Longest value of a client's header that is kept, characters. */
const MAX_HEADER = 256

/** One client request on its journey. One id for all of it: request = generation = hold = waybill. */
export class Call {
  readonly gateway: Gateway
  readonly request: IncomingMessage
  readonly response: ServerResponse
  /** `chat`, `messages`, …: the client surface. */
  readonly surface: string
  /** `gen-…`, minted before the body is read. */
  readonly id: string
  /** The configuration that the request began with; a reload does not touch it. */
  readonly snapshot: Snapshot
  /** ms since the epoch. */
  readonly createdAt: number
  /** Monotonic ms. */
  readonly startedTick: number
  /** Attempts as the relay makes them. */
  readonly trace: AttemptTrace[] = []
  /** The models as the client named them; empty until the body is parsed. */
  requested: readonly string[] = []
  /** Null until there is one. */
  plan: Plan | null = null

  constructor(gateway: Gateway, surface: string, request: IncomingMessage, response: ServerResponse) {
    this.gateway = gateway
    this.request = request
    this.response = response
    this.surface = surface
    this.snapshot = gateway.snapshot
    this.id = gateway.ids.next()
    this.createdAt = gateway.clock.now()
    this.startedTick = gateway.clock.tick()
  }

  /** A header of the client, cut to a length that may be kept. */
  header(name: string): string | null {
    const value = this.request.headers[name]
    return typeof value === 'string' && value !== '' ? value.slice(0, MAX_HEADER) : null
  }

  /** The client's side of the answer, with the headers that every inference answer carries. */
  sink(plan: Plan): ResponseSink {
    const headers = ID_HEADERS.flatMap((name) => [name, this.id])
    if (isSimulated(plan)) headers.push('x-waybill-simulated', 'true')
    return new WaybillSink(this, plan, headers)
  }

  get timeouts(): Timeouts {
    const { connectMs, firstTokenMs, idleMs, totalMs } = this.snapshot.config.timeouts
    return { connectMs, firstTokenMs: firstTokenMs ?? 'auto', idleMs, totalMs }
  }

  /** One line of the log, without any text of the conversation. */
  log(result: RelayResult): void {
    this.gateway.log.debug('request ended', {
      id: this.id,
      surface: this.surface,
      ...(result.endpoint !== null && { endpoint: result.endpoint.id }),
      status: result.status,
      attempt: this.trace.length,
      ...(result.error !== null && { code: result.error.code }),
      ms: Math.round(this.gateway.clock.tick() - this.startedTick),
    })
  }

  /** What the usage row says of the request itself. */
  facts(key: ApiKey, chat: ChatRequest, plan: Plan): CallFacts {
    const first = this.trace[0]
    return {
      id: this.id,
      organizationId: key.organizationId,
      workspaceId: key.workspaceId,
      creatorUserId: key.creatorUserId,
      keyHash: key.hash,
      surface: this.surface,
      requestedModel: chat.models[0]!.slice(0, MAX_HEADER),
      streamed: chat.stream,
      simulated: isSimulated(plan),
      createdAt: this.createdAt,
      gatewayUs: first === undefined ? null : Math.round((first.startedTick - this.startedTick) * 1000),
      appTitle: this.header('x-openrouter-title') ?? this.header('x-title'),
      appUrl: this.header('http-referer') ?? this.header('referer'),
      userAgent: this.header('user-agent'),
      externalUser: chat.user,
      sessionId: chat.sessionId ?? this.header('x-session-id'),
    }
  }
}

/** The headers that name a request: OpenRouter's, and those in which OpenAI's and Anthropic's clients look for its id. */
export const ID_HEADERS = ['x-generation-id', 'x-request-id', 'request-id'] as const

/** Simulated endpoints never mix with real ones: the first tells for all. */
export function isSimulated(plan: Plan): boolean {
  return plan.order[0]?.simulated === true
}
