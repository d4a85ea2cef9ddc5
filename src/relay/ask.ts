import type { Transport, UpstreamRequest } from './transport.ts'

/** A small answer, whole. */
export interface Answer {
  readonly status: number
  /** Parsed, or null when it is no JSON or too large. */
  readonly body: unknown
}

const MAX_BYTES = 4 * 1024 * 1024

/**
 * One call to a provider outside of any request's journey (a probe, a count): takes at most `timeoutMs` and never
 * rejects. Null when no answer came.
 */
export function ask(
  transport: Transport,
  request: Omit<UpstreamRequest, 'connectTimeoutMs'>,
  timeoutMs: number,
): Promise<Answer | null> {
  return new Promise((resolve) => {
    const chunks: Buffer[] = []
    let size = 0
    let status = 0
    const finish = (answer: Answer | null) => {
      clearTimeout(timer)
      call.abort()
      resolve(answer)
    }
    const timer = setTimeout(() => finish(null), timeoutMs)
    const call = transport.send(
      { ...request, connectTimeoutMs: timeoutMs },
      {
        onHead: (head) => {
          status = head
        },
        onData: (chunk) => {
          size += chunk.length
          if (size <= MAX_BYTES) chunks.push(chunk)
          return true
        },
        onEnd: () => finish({ status, body: size <= MAX_BYTES ? parse(Buffer.concat(chunks)) : null }),
        onError: () => finish(null),
      },
    )
  })
}

function parse(bytes: Buffer): unknown {
  try {
    return JSON.parse(bytes.toString('utf8'))
  } catch {
    return null
  }
}
