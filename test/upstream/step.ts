import type { IncomingHttpHeaders } from 'node:http'
/** Where a body is split into separate writes: one piece, one per event (blank line), single bytes, or random pieces from a seed. */
export type Boundaries = 'whole' | 'events' | 'bytes' | { readonly seed: number; readonly max: number }

/** How an answer ends: properly, with a closed socket in the middle, with a reset, or not at all. */
export type Ending = 'end' | 'cut' | 'reset' | 'stall'

/** What the provider does with one request. */
export interface Step {
  /** `answer` (the default); `reset`: the socket is reset before the head; `hang`: nothing ever comes. */
  readonly act?: 'answer' | 'reset' | 'hang'
  /** Wait before the head, ms. */
  readonly delayMs?: number
  /** Wait between the head and the body, ms. */
  readonly bodyDelayMs?: number
  readonly status?: number
  readonly headers?: Readonly<Record<string, string>>
  /** Text and bytes as they are, anything else as JSON. */
  readonly body?: unknown
  /** Bytes of content sent without end instead of a body, as fast as the reader takes them: `event` repeated until `bytes`. */
  readonly flood?: { readonly event: string; readonly bytes: number; readonly last: string }
  readonly boundaries?: Boundaries
  /** Wait between two writes, ms. */
  readonly gapMs?: number
  readonly ending?: Ending
  /** Bytes of the body that are sent before the ending takes hold; all when absent. */
  readonly endAfter?: number
}

/** Steps by number of request (the last one repeats), or a function of it. */
export type Script = Step | readonly Step[] | ((request: Request & { readonly nth: number }) => Step)

/** What a script may look at. */
interface Request {
  readonly body: string
  /** With its query. */
  readonly path: string
  readonly headers: IncomingHttpHeaders
}

export function stepOf(script: Script, nth: number, request: Request): Step {
  if (typeof script === 'function') return script({ nth, ...request })
  if (Array.isArray(script)) return (script as readonly Step[])[Math.min(nth, script.length) - 1] ?? {}
  return script as Step
}

const SSE = { 'content-type': 'text/event-stream' }

/** A stream of server-sent events; `events` are whole, with their blank lines. */
export function sse(events: string | readonly string[], more: Step = {}): Step {
  return {
    status: 200,
    body: typeof events === 'string' ? events : events.join(''),
    boundaries: 'events',
    ...more,
    headers: { ...SSE, ...more.headers },
  }
}

/** A JSON answer. */
export function json(status: number, body: unknown, headers: Readonly<Record<string, string>> = {}): Step {
  return { status, body, headers: { 'content-type': 'application/json', ...headers } }
}

/** One way a provider fails before its first content, by name. */
export const FAULTS: Readonly<Record<string, Step>> = {
  'a reset before the head': { act: 'reset' },
  'no head': { act: 'hang' },
  'a head and nothing after it': sse('', { ending: 'stall' }),
  'comments and nothing else': sse(': ping\n\n'.repeat(3), { ending: 'stall', gapMs: 10 }),
  '429': json(429, { error: { message: 'slow down', code: 'rate_limit_exceeded' } }, { 'retry-after': '30' }),
  '500 in JSON': json(500, { error: { message: 'internal' } }),
  '502 as a web page': {
    status: 502,
    body: '<html><h1>502 Bad Gateway</h1></html>',
    headers: { 'content-type': 'text/html' },
  },
  '503 without a body': { status: 503, body: '' },
  '529': json(529, { error: { message: 'overloaded' } }),
  '401': json(401, { error: { message: 'Incorrect API key provided: sk-secret-1234' } }),
  '404': json(404, { error: { message: 'The model does not exist', code: 'model_not_found' } }),
  'a redirect': { status: 307, body: '', headers: { location: 'http://127.0.0.1:1/' } },
  '200 with an error in JSON': json(200, { error: { message: 'backend down', code: 500 } }),
  '200 with an error event': sse('data: {"error":{"message":"backend down","code":503}}\n\n'),
  '200 as a web page': { status: 200, body: '<html>login</html>', headers: { 'content-type': 'text/html' } },
  '200 without a body': sse(''),
  'an error body that never ends': { ...json(500, '{"error":'), ending: 'stall' },
  'events that are not JSON': sse('data: {oops\n\ndata: {oops\n\ndata: {oops\n\n'),
  'only an end mark': sse('data: [DONE]\n\n'),
  'an event that is too long': sse(`data: {"a":"${'a'.repeat(3 * 1024 * 1024)}"}\n\n`, {
    boundaries: 'whole',
  }),
  'a cut before any content': sse(
    'data: {"id":"x","choices":[{"index":0,"delta":{"role":"assistant"}}]}\n\n',
    {
      ending: 'cut',
    },
  ),
  'a compressed answer': { status: 200, body: 'xx', headers: { ...SSE, 'content-encoding': 'gzip' } },
}
