import { type Answer, ask } from '../ask.ts'
import type { Transport } from '../transport.ts'

/** The ways out to who hands out credentials. */
export interface Network {
  readonly transport: Transport
  /** Without any proxy, for services of the machine itself; the same as `transport` when absent. */
  readonly direct?: Transport
}

/** Longest wait for an answer, ms. */
const PATIENCE_MS = 10_000

export interface Question {
  readonly url: URL
  readonly method?: 'POST' | 'GET' | 'PUT'
  readonly headers?: Readonly<Record<string, string>>
  readonly body?: string
  readonly timeoutMs?: number
}

/** One small call; null when no answer came. Services of this machine are never asked through a proxy. */
export function question(
  { transport, direct = transport }: Network,
  { url, method = 'GET', headers = {}, body, timeoutMs = PATIENCE_MS }: Question,
): Promise<Answer | null> {
  const request = {
    origin: url.origin,
    path: url.pathname + url.search,
    method,
    headers: Object.entries({ accept: 'application/json', ...headers }).flat(),
    body: body ?? null,
  }
  return ask(isOfThisMachine(url.hostname) ? direct : transport, request, timeoutMs)
}

/** The machine itself, and the addresses at which clouds answer the machines that run on them. */
export function isOfThisMachine(hostname: string): boolean {
  return (
    /^(localhost|127(\.\d{1,3}){3}|\[::1\])$/.test(hostname) ||
    /^(169\.254(\.\d{1,3}){2}|\[fd00:ec2::[0-9a-f]+\])$/.test(hostname) ||
    hostname === 'metadata.google.internal' ||
    hostname === 'metadata'
  )
}

/** The address, or null when it is none or would be asked in plain text over a network. */
export function safeUrl(text: string): URL | null {
  const url = URL.parse(text)
  return url !== null &&
    (url.protocol === 'https:' || (url.protocol === 'http:' && isOfThisMachine(url.hostname)))
    ? url
    : null
}

/** The members of a JSON object of unknown content; none for anything else. */
export function members(value: unknown): Readonly<Record<string, unknown>> {
  return typeof value === 'object' && value !== null ? (value as Record<string, unknown>) : {}
}

/** Parses JSON; null for what is none. */
export function parseJson(text: string): unknown {
  try {
    return JSON.parse(text)
  } catch {
    return null
  }
}

/** A text that is not empty, or null. */
export function textOf(value: unknown): string | null {
  return typeof value === 'string' && value !== '' ? value : null
}
