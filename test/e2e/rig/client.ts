import { Agent, type ClientRequest, request } from 'node:http'

/** What one client saw of one call, and whether it may believe that it saw all of it. */
export interface Seen {
  /** 0: the connection ended before a status came. */
  readonly status: number
  /** `gen-…`, from the answer's head. */
  readonly id: string
  /** Body as it came. */
  readonly text: string
  /** A whole reply, or a stream up to `[DONE]`, without an error in it. */
  readonly complete: boolean
  /** `usage.cost` in nano-USD, read from the digits; null when the answer tells none. */
  readonly costNanos: bigint | null
  /** From sending to the last byte, ms. */
  readonly ms: number
}

export interface AskOptions {
  readonly agent?: Agent
  /** The client leaves after so many events with content (0: as soon as the head is there); without a stream so many ms after sending. */
  readonly leaveAfter?: number
  /** Called at the moment of leaving. */
  readonly onLeave?: () => void
  /** Called with every piece of the body. */
  readonly onData?: (piece: string) => void
}

export function keepAlive(maxSockets = Number.POSITIVE_INFINITY): Agent {
  return new Agent({ keepAlive: true, maxSockets })
}

/** Posts one chat completion and waits for its end, however it ends; never rejects. */
export function ask(
  gateway: { readonly url: string; readonly key: string },
  body: Readonly<Record<string, unknown>>,
  options: AskOptions = {},
): Promise<Seen> {
  const { agent, leaveAfter, onLeave, onData } = options
  const started = performance.now()
  const bytes = Buffer.from(JSON.stringify(body))
  return new Promise((resolve) => {
    let status = 0
    let id = ''
    let text = ''
    let whole = false
    let left = false
    let leaving: NodeJS.Timeout | undefined
    const finish = () => {
      clearTimeout(leaving)
      resolve(judged(status, id, text, whole && !left, performance.now() - started))
    }
    const leave = () => {
      left = true
      onLeave?.()
      call.destroy()
    }
    const call: ClientRequest = request(
      `${gateway.url}/api/v1/chat/completions`,
      {
        method: 'POST',
        ...(agent !== undefined && { agent }),
        headers: {
          authorization: `Bearer ${gateway.key}`,
          'content-type': 'application/json',
          'content-length': bytes.length,
        },
      },
      (response) => {
        status = response.statusCode ?? 0
        id = String(response.headers['x-generation-id'] ?? '')
        response.setEncoding('utf8')
        const maybeLeave = () => {
          if (leaveAfter === undefined || body['stream'] !== true || contents(text) < leaveAfter) return
          leave()
        }
        response.on('data', (piece: string) => {
          text += piece
          onData?.(piece)
          maybeLeave()
        })
        response.on('end', () => {
          whole = response.complete
        })
        response.on('close', finish)
        maybeLeave()
      },
    )
    call.on('error', finish)
    call.on('close', finish)
    call.end(bytes)
    if (leaveAfter !== undefined && body['stream'] !== true) {
      leaving = setTimeout(leave, leaveAfter)
    }
  })
}

/** Events of a stream that carry text. */
export function contents(text: string): number {
  return text.match(/"content":"[^"]/g)?.length ?? 0
}

function judged(status: number, id: string, text: string, whole: boolean, ms: number): Seen {
  const streamed = text.startsWith('data:') || text.startsWith(':')
  const complete =
    whole && status === 200 && !text.includes('"error":') && (!streamed || text.endsWith('data: [DONE]\n\n'))
  return { status, id, text, complete, costNanos: costIn(text), ms }
}

function costIn(text: string): bigint | null {
  const digits = /"cost":([0-9.]+)[,}]/.exec(text)?.[1]
  return digits === undefined ? null : nanos(digits)
}

/** A decimal amount of USD as nano-USD; throws when it is finer than that. */
export function nanos(decimal: string): bigint {
  const [units = '0', fraction = ''] = decimal.split('.')
  if (fraction.length > 9) throw new Error(`${decimal} is finer than a nano-dollar`)
  return BigInt(units) * 1_000_000_000n + BigInt(fraction.padEnd(9, '0'))
}

/** The error's sentence of an answer that is one. */
export function sentence({ text }: Seen): string {
  try {
    return (JSON.parse(text) as { error?: { message?: string } }).error?.message ?? ''
  } catch {
    return ''
  }
}
