import type { IncomingMessage, ServerResponse } from 'node:http'
import { dialect } from '../../dialects/index.ts'
import { relay } from '../../relay/index.ts'
import { authenticateKey } from '../authenticate.ts'
import { parseJson } from '../body.ts'
import { Call } from '../call.ts'
import { fail } from '../fail.ts'
import type { Gateway } from '../gateway.ts'
import { hold } from '../hold.ts'
import { plan } from '../plan.ts'
import { unservedFeature } from './not-yet.ts'

const client = dialect('openai-chat')!

/** `POST /chat/completions`: authenticate → parse → plan → hold → attempt (×n) → relay → settle. */
export async function chatCompletions(
  gateway: Gateway,
  request: IncomingMessage,
  response: ServerResponse,
): Promise<void> {
  const call = new Call(gateway, 'chat', request, response)
  gateway.inFlight++
  try {
    // authenticate
    const key = await authenticateKey(request, gateway)

    // parse
    const body = parseJson(await gateway.bodies.read(request))
    const chat = client.decodeRequest(body, { path: '/chat/completions', query: '' })
    const unserved = unservedFeature(chat.wire, (name) => call.header(name) ?? undefined)
    if (unserved !== undefined) throw unserved

    // plan
    const route = plan(gateway, call.snapshot, key, chat)

    // hold
    const meter = await hold(call, key, chat, route)

    // attempt, relay, settle
    const result = await relay(
      {
        id: call.id,
        request: chat,
        client,
        plan: route,
        meter,
        sink: call.sink(route),
        timeouts: call.timeouts,
        trace: call.trace,
        created: Math.floor(call.createdAt / 1000),
        hideReasoning: chat.reasoning?.exclude === true,
      },
      gateway.relay,
    )
    call.log(result)
  } catch (thrown) {
    fail(gateway, response, thrown, call.id)
  } finally {
    gateway.inFlight--
  }
}
