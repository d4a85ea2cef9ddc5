/**
 * The upstream of all contestants, in a process of its own: a raw server that answers with prepared bytes, so that it
 * costs little beside what is measured. Prints its port on stdout; ends with its parent.
 */
import { createServer, type Socket } from 'node:net'
import { fileURLToPath } from 'node:url'
import {
  chunk,
  DONE_EVENT,
  FINISH_EVENT,
  GAP_MS,
  LAST_CHUNK,
  STAMP_DIGITS,
  STREAM_HEAD,
  TEXT_EVENTS,
  textEvent,
  USAGE_EVENT,
  WHOLE_HEAD,
  WHOLE_REPLY,
} from './workloads.ts'

const WHOLE = Buffer.from(WHOLE_HEAD + WHOLE_REPLY)
const END = chunk(FINISH_EVENT) + chunk(USAGE_EVENT) + chunk(DONE_EVENT) + LAST_CHUNK
const BURST = Buffer.from(
  STREAM_HEAD +
    Array.from({ length: TEXT_EVENTS }, (_, i) =>
      chunk(textEvent(` word-${String(i).padStart(9, '0')}`)),
    ).join('') +
    END,
)
const SILENT = Buffer.from(STREAM_HEAD + chunk(textEvent('one word')))
const REFUSAL = Buffer.from('HTTP/1.1 400 Bad Request\r\ncontent-length: 0\r\n\r\n')

const MARK = Buffer.from('bench-')
const STREAMED = /"stream":\s*true/
const HEAD_END = Buffer.from('\r\n\r\n')
const CHUNKED_END = Buffer.from('0\r\n\r\n')

/** A stream that is sent an event each GAP_MS. */
interface Slow {
  readonly socket: Socket
  left: number
}

/** Streams by the millisecond of the gap in which their events are due, so that 500 of them don't speak at once. */
const wheel: Slow[][] = Array.from({ length: GAP_MS }, () => [])
let lastTick = now()

/** ms of the monotonic clock, whole. */
function now(): number {
  return Math.floor(performance.now())
}

function stamp(): string {
  const [seconds, nanos] = process.hrtime()
  return String(seconds * 1_000_000 + Math.floor(nanos / 1000)).padStart(STAMP_DIGITS, '0')
}

function turn(): void {
  for (const until = now(); lastTick < until; ) {
    const due = wheel[++lastTick % GAP_MS]!
    if (due.length > 0) speak(due)
  }
}

function speak(due: Slow[]): void {
  const text = chunk(textEvent(stamp()))
  let kept = 0
  for (const stream of due) {
    if (stream.socket.destroyed) continue
    if (stream.left-- > 0) {
      stream.socket.write(text, 'latin1')
      due[kept++] = stream
    } else stream.socket.write(END, 'latin1')
  }
  due.length = kept
}

/** Answers one whole request; `body` may be in HTTP's chunked coding, which hides no mark in practice. */
function answer(socket: Socket, body: Buffer): void {
  const at = body.indexOf(MARK)
  const kind = at === -1 ? '' : String.fromCharCode(body[at + MARK.length]!, body[at + MARK.length + 1]!)
  if (kind === 'a"' || kind === 'c"') socket.write(WHOLE)
  else if (at === -1 || !STREAMED.test(body.toString('latin1'))) socket.write(REFUSAL)
  else if (kind === 'b"') socket.write(BURST)
  else if (kind === 'b2') {
    socket.write(STREAM_HEAD + chunk(textEvent(stamp())), 'latin1')
    wheel[now() % GAP_MS]!.push({ socket, left: TEXT_EVENTS - 1 })
  } else if (kind === 'i"') socket.write(SILENT)
  else socket.write(REFUSAL)
}

/** The length of the first whole request in `data` and where its body begins, or null while it is incomplete. */
function firstRequest(data: Buffer): { bodyAt: number; end: number } | null {
  const headEnd = data.indexOf(HEAD_END)
  if (headEnd === -1) return null
  const bodyAt = headEnd + 4
  const head = data.toString('latin1', 0, headEnd).toLowerCase()
  const length = /\r\ncontent-length: *(\d+)/.exec(head)
  if (length !== null) {
    const end = bodyAt + Number(length[1])
    return data.length < end ? null : { bodyAt, end }
  }
  if (!head.includes('\r\ntransfer-encoding: chunked')) return { bodyAt, end: bodyAt }
  const end = data.indexOf(CHUNKED_END, bodyAt)
  return end === -1 ? null : { bodyAt, end: end + CHUNKED_END.length }
}

function serve(socket: Socket): void {
  let waiting: Buffer | null = null
  socket.setNoDelay(true)
  socket.on('error', () => socket.destroy())
  socket.on('data', (piece: Buffer) => {
    let data = waiting === null ? piece : Buffer.concat([waiting, piece])
    waiting = null
    while (data.length > 0) {
      const request = firstRequest(data)
      if (request === null) {
        waiting = data
        return
      }
      answer(socket, data.subarray(request.bodyAt, request.end))
      data = data.subarray(request.end)
    }
  })
}

/** Starts the mock on a free loopback port. */
export function startMock(): Promise<{ port: number; close: () => void }> {
  return new Promise((resolve) => {
    const timer = setInterval(turn, 1)
    const sockets = new Set<Socket>()
    const server = createServer((socket) => {
      sockets.add(socket)
      socket.on('close', () => sockets.delete(socket))
      serve(socket)
    })
    server.listen({ host: '127.0.0.1', port: 0, backlog: 4096 }, () => {
      const address = server.address() as { port: number }
      const close = () => {
        clearInterval(timer)
        server.close()
        for (const socket of sockets) socket.destroy()
      }
      resolve({ port: address.port, close })
    })
  })
}

if (process.argv[1] === fileURLToPath(import.meta.url)) {
  process.on('disconnect', () => process.exit())
  const { port } = await startMock()
  process.send?.({ port })
}
