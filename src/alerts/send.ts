import type { Destination } from './destination.ts'
import type { Message } from './message.ts'
import { signed } from './sign.ts'

/** Longest that a destination may take to answer, ms. */
const TIMEOUT_MS = 20_000

/** What became of one try. */
export interface Sent {
  readonly ok: boolean
  /** The destination wants no more (410). */
  readonly gone: boolean
  /** HTTP's or SMTP's; null: none came. */
  readonly status: number | null
  /** A word on why it failed; never the address. */
  readonly error: string | null
}

/**
 * Tries once to deliver a message. Never throws for what the destination does.
 * @param stop ends the try at once; it then counts as failed
 */
export async function send(
  destination: Destination,
  message: Message,
  context: { readonly nowMs: number; readonly stop: AbortSignal },
): Promise<Sent> {
  const { nowMs, stop } = context
  switch (destination.type) {
    case 'webhook': {
      const body = JSON.stringify(message.payload)
      const headers = signed(destination.secret.reveal(), { id: message.id, nowMs, body })
      return await post(destination.url.reveal(), body, stop, headers)
    }
    case 'slack':
      return await post(destination.url.reveal(), JSON.stringify({ text: message.text }), stop)
    case 'email':
      return await mail(destination, message, stop)
  }
}

/** Redirects are not followed: who wants alerts elsewhere says so in the configuration. */
async function post(
  url: string,
  body: string,
  stop: AbortSignal,
  headers: Readonly<Record<string, string>> = {},
): Promise<Sent> {
  try {
    const response = await fetch(url, {
      method: 'POST',
      headers: { 'content-type': 'application/json', 'user-agent': 'waybill', ...headers },
      body,
      redirect: 'manual',
      signal: AbortSignal.any([stop, AbortSignal.timeout(TIMEOUT_MS)]),
    })
    await response.body?.cancel()
    const { status, ok } = response
    return { ok, gone: status === 410, status, error: ok ? null : `HTTP ${status}` }
  } catch (error) {
    return failed(error)
  }
}

async function mail(
  { url, to, from }: Extract<Destination, { type: 'email' }>,
  { id, subject, text }: Message,
  stop: AbortSignal,
): Promise<Sent> {
  // Loaded by those who send e-mail only.
  const { createTransport } = await import('nodemailer')
  const mailer = createTransport({
    url: url.reveal(),
    connectionTimeout: TIMEOUT_MS,
    greetingTimeout: TIMEOUT_MS,
    socketTimeout: TIMEOUT_MS,
    disableFileAccess: true,
    disableUrlAccess: true,
  })
  const close = (): void => mailer.close()
  stop.addEventListener('abort', close)
  try {
    const messageId = `<${id}@waybill>`
    await mailer.sendMail({ from, to, subject, text: `${text}\n`, messageId })
    return { ok: true, gone: false, status: 250, error: null }
  } catch (error) {
    return failed(error)
  } finally {
    stop.removeEventListener('abort', close)
    mailer.close()
  }
}

function failed(error: unknown): Sent {
  const { cause, code, name, responseCode } = error as Partial<Record<string, unknown>>
  const inner = (cause as { code?: unknown } | undefined)?.code
  const word = [inner, code, name].find((value) => typeof value === 'string') ?? 'Error'
  const status = typeof responseCode === 'number' ? responseCode : null
  return { ok: false, gone: false, status, error: String(word).slice(0, 100) }
}
