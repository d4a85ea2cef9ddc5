import type { IncomingMessage, ServerResponse } from 'node:http'
import type { ChatRequest } from '../../chat/index.ts'
import { type RequestTarget, upstreamDialect } from '../../dialects/index.ts'
import { ask } from '../../relay/index.ts'
import type { Plan } from '../../routing/index.ts'
import { authenticateKey } from '../authenticate.ts'
import { parseJson } from '../body.ts'
import { fail } from '../fail.ts'
import type { Gateway } from '../gateway.ts'
import type { Surface } from '../journey.ts'
import { plan } from '../plan.ts'
import { withPreset } from '../preset.ts'
import { presetsFor } from '../presets.ts'
import { sendJson } from '../reply.ts'
import { promptTokens } from '../tokens.ts'

/** A client waits for a count before each turn: an estimate at once is worth more than the exact figure late, ms. */
const PATIENCE_MS = 3_000

/** The reply of a surface's counting call; `estimated` says that no provider counted. */
export type CountReply = (tokens: number, estimated: boolean) => Record<string, unknown>

/**
 * Counts the tokens of a prompt: exactly, by the provider that would serve it, where that has a free call for it; else
 * estimated from the bytes and marked so. Nothing is held or charged.
 */
export async function countTokens(
  gateway: Gateway,
  surface: Surface,
  reply: CountReply,
  target: RequestTarget,
  request: IncomingMessage,
  response: ServerResponse,
): Promise<void> {
  try {
    const key = await authenticateKey(request, gateway)
    const sent = { body: parseJson(await gateway.bodies.read(request)), target }
    const presets = presetsFor(gateway, gateway.snapshot, key.organizationId)
    const meant = withPreset(surface.dialect.id, sent, presets)
    const chat = surface.dialect.decodeRequest(meant.body, meant.target)
    const exact = await countByProvider(gateway, chat, plan(gateway, gateway.snapshot, key, chat))
    sendJson(response, 200, reply(exact ?? promptTokens(chat), exact === null))
  } catch (thrown) {
    fail(gateway, response, thrown, { id: null, dialect: surface.dialect })
  }
}

async function countByProvider(gateway: Gateway, chat: ChatRequest, route: Plan): Promise<number | null> {
  const endpoint = route.order[0]!
  const counting = upstreamDialect(endpoint.dialect)?.counting
  const target = gateway.snapshot.relay.target(endpoint, new Set())
  if (counting === undefined || target === null) return null
  let call: ReturnType<typeof counting.encodeCount>
  try {
    call = counting.encodeCount(chat, target.wire)
    await target.ready?.()
  } catch {
    // What the provider cannot take, or without a token, nobody counts exactly.
    return null
  }
  const { path, headers, body } = call
  const text = JSON.stringify(body)
  const plain = target.address(path, [['content-type', 'application/json'], ...headers])
  const address = target.sign?.(plain, text, gateway.clock.now()) ?? plain
  const sent = { ...address, method: 'POST' as const, body: text }
  const answer = await ask(gateway.snapshot.relay.transport(endpoint), sent, PATIENCE_MS)
  return answer?.status === 200 ? counting.decodeCount(answer.body) : null
}
