import { connect, type Socket } from 'node:net'
import { DONE_EVENT, STAMP_DIGITS, STREAM_EVENTS, TEXT_EVENTS, type Workload } from './workloads.ts'

/** A whole answer is looked at closely once in so many; each one is checked for its status, end and length. */
const CLOSE_LOOK = 32
/** Bytes kept of the end of an answer: the last event and chunk of a stream. */
const TAIL = 64
const HEAD_LIMIT = 16_384

const STAMP = Buffer.from('"content":"')
const DATA = Buffer.from('data: ')
const HEAD_END = Buffer.from('\r\n\r\n')
const LAST_CHUNK = '0\r\n\r\n'

/** Microseconds of the monotonic clock, the same in every process of the machine. */
export function micros(): number {
  const [seconds, nanos] = process.hrtime()
  return seconds * 1_000_000 + nanos / 1000
}

export interface Owner {
  /** The answer is whole; `fault` says what is wrong with it. The connection can take the next request. */
  onAnswer(connection: Connection, fault: string | null): void
  /** Events of a stream, as they come. `delayUs`: from the mock's write to here, of some. */
  onEvents?(count: number, delayUs: number | null): void
}

/** One keep-alive connection with one request at a time; checks what comes back. */
export class Connection {
  readonly #owner: Owner
  readonly #request: Buffer
  readonly #workload: Workload
  readonly #socket: Socket
  /** Whether the delays of events are measured. */
  readonly #timed: boolean
  sentAt = 0
  busy = false
  closed = false
  #answers = 0
  #head: Buffer | null = null
  #inBody = false
  #status = 0
  /** Body bytes that are missing; -1 when the coding is chunked. */
  #missing = 0
  #tail = ''
  #events = 0
  /** The body's pieces, when this answer is looked at closely. */
  #pieces: Buffer[] | null = null

  constructor(port: number, request: Buffer, workload: Workload, owner: Owner, timed = false) {
    this.#owner = owner
    this.#request = request
    this.#workload = workload
    this.#timed = timed
    this.#socket = connect({
      host: '127.0.0.1',
      port,
      noDelay: true,
      onread: {
        buffer: Buffer.allocUnsafe(65_536),
        callback: (length, buffer) => {
          this.#read((buffer as Buffer).subarray(0, length))
          return true
        },
      },
    })
    this.#socket.on('error', (error) => this.#gone(error.message))
    this.#socket.on('close', () => this.#gone('the connection was closed'))
  }

  send(): void {
    this.busy = true
    this.#inBody = false
    this.#head = null
    this.#tail = ''
    this.#events = 0
    this.#pieces = this.#answers % CLOSE_LOOK === 0 ? [] : null
    this.sentAt = micros()
    this.#socket.write(this.#request)
  }

  close(): void {
    this.closed = true
    this.#socket.destroy()
  }

  #gone(why: string): void {
    if (this.closed) return
    this.close()
    if (this.busy) this.#done(why)
  }

  #read(data: Buffer): void {
    if (!this.busy) {
      this.#gone('bytes came that nobody asked for')
      return
    }
    if (this.#inBody) {
      this.#body(data)
      return
    }
    const all = this.#head === null ? data : Buffer.concat([this.#head, data])
    const end = all.indexOf(HEAD_END)
    if (end === -1) {
      this.#head = Buffer.from(all)
      if (all.length > HEAD_LIMIT) this.#gone('the head does not end')
      return
    }
    this.#readHead(all.toString('latin1', 0, end).toLowerCase())
    this.#body(all.subarray(end + 4))
  }

  #readHead(head: string): void {
    this.#inBody = true
    this.#status = Number(head.slice(9, 12))
    const at = head.indexOf('\r\ncontent-length:')
    this.#missing = at === -1 ? -1 : Number.parseInt(head.slice(at + 17), 10)
  }

  #body(data: Buffer): void {
    this.#pieces?.push(Buffer.from(data))
    if (this.#owner.onEvents !== undefined) this.#countEvents(data)
    // Kept over the pieces, since the end of an answer may be cut in two.
    this.#tail = (this.#tail + data.toString('latin1', Math.max(0, data.length - TAIL))).slice(-TAIL)
    if (this.#missing === -1) {
      // No body here ends a chunk in "0\r\n\r\n": events end in two line feeds, JSON in a brace.
      if (this.#tail.endsWith(LAST_CHUNK)) this.#whole()
      return
    }
    this.#missing -= data.length
    if (this.#missing === 0) this.#whole()
    else if (this.#missing < 0) this.#gone('more bytes came than the length says')
  }

  #countEvents(data: Buffer): void {
    let count = 0
    for (let at = data.indexOf(DATA); at !== -1; at = data.indexOf(DATA, at + DATA.length)) count++
    this.#events += count
    const stamped = this.#timed ? data.indexOf(STAMP) + STAMP.length : 0
    const sent = stamped < STAMP.length ? 0 : Number(data.toString('latin1', stamped, stamped + STAMP_DIGITS))
    this.#owner.onEvents!(count, sent > 0 ? micros() - sent : null)
  }

  #whole(): void {
    this.#answers++
    this.#done(this.#fault())
  }

  #done(fault: string | null): void {
    this.busy = false
    this.#owner.onAnswer(this, fault)
  }

  #fault(): string | null {
    if (this.#status !== 200) {
      const told = this.#pieces === null ? '' : `: ${Buffer.concat(this.#pieces).toString('utf8', 0, 800)}`
      return `status ${this.#status}${told}`
    }
    const streamed = this.#workload === 'B' || this.#workload === 'B2'
    if (streamed && !this.#tail.includes(DONE_EVENT)) return 'a stream without its end'
    // Gateways may merge or add an event (the cost, say), but lose none.
    if (this.#owner.onEvents !== undefined && this.#events < STREAM_EVENTS - 1)
      return `a stream of ${this.#events} events`
    if (this.#pieces === null) return null
    const text = Buffer.concat(this.#pieces).toString('utf8')
    return streamed ? faultOfStream(text) : faultOfReply(this.#missing === -1 ? unchunked(text) : text)
  }
}

/** The text without HTTP's chunked coding. ASCII only, as all texts here are. */
function unchunked(text: string): string {
  let body = ''
  for (let at = 0; ; ) {
    const lineEnd = text.indexOf('\r\n', at)
    const size = Number.parseInt(text.slice(at, lineEnd), 16)
    if (!(size > 0)) return body
    body += text.slice(lineEnd + 2, lineEnd + 2 + size)
    at = lineEnd + 4 + size
  }
}

interface Answer {
  readonly choices?: readonly {
    readonly message?: { readonly content?: string }
    readonly delta?: { readonly content?: string }
    readonly finish_reason?: string | null
  }[]
  readonly usage?: { readonly completion_tokens?: number } | null
}

function faultOfReply(text: string): string | null {
  try {
    const { choices, usage } = JSON.parse(text) as Answer
    if ((choices?.[0]?.message?.content ?? '').length < 200) return 'a reply without its text'
    return usage?.completion_tokens === TEXT_EVENTS ? null : 'a reply without its usage'
  } catch {
    return 'a reply that is not JSON'
  }
}

function faultOfStream(raw: string): string | null {
  const text = unchunked(raw)
  let words = 0
  let finished = false
  let counted = false
  for (const event of text.split('\n\n')) {
    if (!event.startsWith('data: {')) continue
    const { choices, usage } = JSON.parse(event.slice(6)) as Answer
    if (choices?.[0]?.delta?.content) words++
    if (choices?.[0]?.finish_reason === 'stop') finished = true
    if (usage?.completion_tokens === TEXT_EVENTS) counted = true
  }
  if (words !== TEXT_EVENTS) return `a stream with ${words} of ${TEXT_EVENTS} texts`
  return finished && counted ? null : 'a stream without its finish or usage'
}
