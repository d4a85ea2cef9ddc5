import type { Transport, UpstreamRequest } from './transport.ts'

/** A small answer, whole. */
export interface Answer {
  readonly status: number
  /** Parsed, or null when it is no JSON or too large. */
  readonly body: unknown
  /** As it came; empty when it is too large. */
  readonly text: string
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
        onEnd: () => {
          const text = size <= MAX_BYTES ? Buffer.concat(chunks).toString('utf8') : ''
          finish({ status, body: parse(text), text })
        },
        onError: () => finish(null),
      },
    )
  })
}

function parse(text: string): unknown {
  try {
    return JSON.parse(text)
  } catch {
    return null
  }
}
