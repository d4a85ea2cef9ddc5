import { hash } from 'node:crypto'
import type { ChatRequest } from '../chat/index.ts'
import type { RelayResult } from '../relay/index.ts'

/** Conversations remembered; the one that was quiet for longest goes first. About 15 MB when full. */
const MOST = 50_000
/** How long a quiet conversation is remembered, ms: prompt caches of providers live for 5 to 10 minutes. */
const IDLE_MS = 600_000
/** Characters of each of the two texts that tell a conversation. */
const SAMPLE = 1_024

interface Entry {
  readonly endpointId: string
  readonly until: number
}

/**
 * Which endpoint has a conversation's prompt in its cache. In memory and bounded; times are ms on one monotonic scale.
 */
export class StickyBook {
  readonly #entries = new Map<string, Entry>()

  get size(): number {
    return this.#entries.size
  }

  /** The endpoint of a conversation, or null. */
  find(conversation: string, nowMs: number): string | null {
    const entry = this.#entries.get(conversation)
    if (entry === undefined) return null
    if (entry.until > nowMs) return entry.endpointId
    this.#entries.delete(conversation)
    return null
  }

  /** Remembers an endpoint for the idle time from now. */
  remember(conversation: string, endpointId: string, nowMs: number): void {
    this.#entries.delete(conversation)
    this.#entries.set(conversation, { endpointId, until: nowMs + IDLE_MS })
    if (this.#entries.size > MOST) this.#entries.delete(this.#entries.keys().next().value!)
  }
}

/** The session that a client names, in the body or in the header. */
export function sessionOf(chat: ChatRequest, header: string | null): string | null {
  return chat.sessionId ?? (header === null || header === '' ? null : header.slice(0, 256))
}

/**
 * Names a conversation of an organization with a model: by its session, else by a hash of how it begins (the first
 * system message and the first other one). Source: OpenRouter's sticky routing.
 */
export function conversationOf(chat: ChatRequest, organizationId: string, session: string | null): string {
  const told = session === null ? `m\n${beginning(chat.wire)}` : `s\n${session}`
  return hash('sha1', `${organizationId}\n${chat.models[0]}\n${told}`, 'base64url')
}

/**
 * Remembers the endpoint of an answer that warmed a cache worth coming back to: the provider read or wrote one, or the
 * client keeps a session.
 */
export function keepWarm(
  book: StickyBook,
  { chat, session, organizationId }: { chat: ChatRequest; session: string | null; organizationId: string },
  { result, endpoint, usage }: RelayResult,
  nowMs: number,
): void {
  if (result !== 'complete' || endpoint === null || endpoint.simulated) return
  const cached =
    usage !== null && usage.cacheReadTokens + usage.cacheWriteTokens + usage.cacheWrite1hTokens > 0
  if (session === null && !cached) return
  book.remember(conversationOf(chat, organizationId, session), endpoint.id, nowMs)
}

/** The beginning of a conversation in any client format, sampled, so that a long prompt is not walked. */
function beginning(wire: ChatRequest['wire']): string {
  const turns = [wire['messages'], wire['contents'], wire['input']].find((list) => list !== undefined)
  const list: readonly unknown[] = Array.isArray(turns) ? turns : [turns]
  const system = list.find(isSystem) ?? wire['system'] ?? wire['instructions'] ?? wire['systemInstruction']
  return `${sample(system)}\n${sample(list.find((turn) => !isSystem(turn)))}`
}

function isSystem(turn: unknown): boolean {
  const role = (turn as { role?: unknown } | null | undefined)?.role
  return role === 'system' || role === 'developer'
}

/** The first strings inside a value, in order, up to so many characters. */
function sample(value: unknown, room = SAMPLE): string {
  if (typeof value === 'string') return value.slice(0, room)
  if (typeof value !== 'object' || value === null) return ''
  let text = ''
  for (const inner of Object.values(value)) {
    if (text.length >= room) break
    text += sample(inner, room - text.length)
  }
  return text
}
