import { hash } from 'node:crypto'
import type { IncomingMessage, ServerResponse } from 'node:http'
import type { ChatRequest } from '../chat/index.ts'
import type { ClientDialect, RequestTarget } from '../dialects/index.ts'
import type { ApiKey } from '../identity/index.ts'
import { type RelayResult, relay, type Sink } from '../relay/index.ts'
import type { Plan } from '../routing/index.ts'
import { authenticateKey } from './authenticate.ts'
import { parseJson } from './body.ts'
import { Call } from './call.ts'
import { fail } from './fail.ts'
import type { Gateway } from './gateway.ts'
import { hold } from './hold.ts'
import { decide, refuseNowhere } from './plan.ts'
import { withPreset } from './preset.ts'
import { presetsFor } from './presets.ts'
import { passRates, type RateTicket } from './rates.ts'
import { readRequest } from './read.ts'
import type { Reframing } from './sink.ts'
import { keepWarm, sessionOf } from './sticky.ts'
import { countsMoney } from './v1/credits.ts'
import { refuseUnserved } from './v1/not-yet.ts'
import { tellingErrors } from './waybill-sink.ts'

/** A client format that answers are served in. Routing, money, limits and the waybill are the same for all. */
export interface Surface {
  /** As usage rows name it: `chat`, `messages`, … */
  readonly name: string
  readonly dialect: ClientDialect
  /** A way to stream that the format has beside its usual one, and errors as they are told there. */
  readonly reframing?: {
    readonly create: () => Reframing
    readonly errors: (dialect: ClientDialect) => ClientDialect
  }
}

/** One inference request: authenticate → parse → plan → hold → attempt (×n) → relay → settle. */
export async function journey(
  gateway: Gateway,
  surface: Surface,
  target: RequestTarget,
  request: IncomingMessage,
  response: ServerResponse,
): Promise<void> {
  const call = new Call(gateway, surface.name, request, response)
  let ticket: RateTicket | null = null
  let tokens: number | null = null
  gateway.inFlight++
  try {
    // authenticate
    const key = await authenticateKey(request, gateway)

    // parse
    const sent = { body: parseJson(await gateway.bodies.read(request)), target }
    const presets = presetsFor(gateway, call.snapshot, key.organizationId)
    const meant = withPreset(surface.dialect.id, sent, presets)
    const asked = readRequest(surface.dialect, meant.body, meant.target, countsMoney(gateway, key))
    const chat = withUserHash(asked, key.organizationId)
    refuseUnserved(chat, request.headers)

    call.requested = chat.models
    ticket = await passRates(gateway, call, key, chat)

    // plan
    const session = sessionOf(chat, call.header('x-session-id'))
    const route = decide(gateway, call.snapshot, key, chat, session)
    call.plan = route
    refuseNowhere(route)

    // hold
    const meter = await hold(call, key, chat, route)

    // attempt, relay, settle
    const result = await relay(
      {
        id: call.id,
        request: chat,
        client: surface.dialect,
        plan: route,
        meter,
        sink: sinkOf(call, surface, route),
        timeouts: call.timeouts,
        trace: call.trace,
        created: Math.floor(call.createdAt / 1000),
        hideReasoning: chat.reasoning?.exclude === true,
        rescue: chat.provider.rescue ?? call.snapshot.config.rescue,
      },
      call.snapshot.relay,
    )
    tokens = result.usage === null ? null : result.usage.promptTokens + result.usage.completionTokens
    learn(gateway, key, result)
    call.log(result)
    keepWarm(
      gateway.sticky,
      { chat, session, organizationId: key.organizationId },
      result,
      gateway.clock.tick(),
    )
  } catch (thrown) {
    const told = tellingErrors(call, surface.dialect)
    fail(gateway, response, thrown, { id: call.id, dialect: surface.reframing?.errors(told) ?? told })
  } finally {
    ticket?.end(tokens)
    gateway.inFlight--
  }
}

/** Whole answers tell how long the next one may be. */
function learn({ expected }: Gateway, key: ApiKey, { result, endpoint, usage }: RelayResult): void {
  if (result === 'complete' && endpoint !== null && usage !== null)
    expected.saw(key.lineage, endpoint.modelId, usage.completionTokens)
}

function sinkOf(call: Call, { reframing }: Surface, route: Plan): Sink {
  const sink = call.sink(route)
  if (reframing !== undefined) sink.reframe(reframing.create())
  return sink
}

/** Providers may tell end users apart, but never learn who they are: they get a hash that differs between organizations. */
function withUserHash(chat: ChatRequest, organizationId: string): ChatRequest {
  if (chat.user === null) return chat
  return { ...chat, endUserHash: hash('sha256', `${organizationId}\n${chat.user}`, 'hex').slice(0, 32) }
}
