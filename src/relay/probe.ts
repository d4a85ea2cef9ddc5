import type { Transport } from './transport.ts'

/** What a free call to a provider said about a credential. */
export type ProbeResult =
  | { readonly state: 'works'; readonly body: unknown }
  | { readonly state: 'refused'; readonly status: number }
  | { readonly state: 'unreachable' }

const MAX_BYTES = 4 * 1024 * 1024

/**
 * Makes one GET that costs nothing (a provider's list of models) and tells whether the credential is taken: 2xx works
 * (with the parsed body, null when it is no JSON), 401 and 403 refuse, all else is unreachable. Never rejects; takes at
 * most `timeoutMs`.
 */
export function probe(
  transport: Transport,
  target: { readonly origin: string; readonly path: string; readonly headers: readonly string[] },
  timeoutMs: number,
): Promise<ProbeResult> {
  return new Promise((resolve) => {
    const chunks: Buffer[] = []
    let size = 0
    let status = 0
    const finish = (result: ProbeResult) => {
      clearTimeout(timer)
      call.abort()
      resolve(result)
    }
    const timer = setTimeout(() => finish({ state: 'unreachable' }), timeoutMs)
    const call = transport.send(
      { ...target, method: 'GET', body: null, connectTimeoutMs: timeoutMs },
      {
        onHead: (head) => {
          status = head
        },
        onData: (chunk) => {
          size += chunk.length
          if (size <= MAX_BYTES) chunks.push(chunk)
          return true
        },
        onEnd: () => finish(verdict(status, size <= MAX_BYTES ? Buffer.concat(chunks) : null)),
        onError: () => finish({ state: 'unreachable' }),
      },
    )
  })
}

function verdict(status: number, body: Buffer | null): ProbeResult {
  if (status === 401 || status === 403) return { state: 'refused', status }
  if (status < 200 || status > 299) return { state: 'unreachable' }
  try {
    return { state: 'works', body: body === null ? null : JSON.parse(body.toString('utf8')) }
  } catch {
    return { state: 'works', body: null }
  }
}
