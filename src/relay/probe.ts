import { ask } from './ask.ts'
import type { Transport } from './transport.ts'

/** What a free call to a provider said about a credential. */
export type ProbeResult =
  | { readonly state: 'works'; readonly body: unknown }
  | { readonly state: 'refused'; readonly status: number }
  /** `answered`: by something, if only a status that says nothing about the credential. */
  | { readonly state: 'unreachable'; readonly answered: boolean }

/**
 * Makes one GET that costs nothing (a provider's list of models) and tells whether the credential is taken: 2xx works
 * (with the parsed body, null when it is no JSON), 401 and 403 refuse, all else is unreachable. Never rejects; takes at
 * most `timeoutMs`.
 */
export async function probe(
  transport: Transport,
  target: { readonly origin: string; readonly path: string; readonly headers: readonly string[] },
  timeoutMs: number,
): Promise<ProbeResult> {
  const answer = await ask(transport, { ...target, method: 'GET', body: null }, timeoutMs)
  if (answer === null) return { state: 'unreachable', answered: false }
  const { status, body } = answer
  if (status === 401 || status === 403) return { state: 'refused', status }
  return status >= 200 && status <= 299 ? { state: 'works', body } : { state: 'unreachable', answered: true }
}
