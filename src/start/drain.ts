import type { Server as HttpServer } from 'node:http'
import type { Socket } from 'node:net'
import type { Clock } from '../lib/index.ts'
import type { Wired } from './wire.ts'

/** Requests may go on so long after the first signal, ms; then they are cut. */
const DRAIN_MS = 120_000
/** What was cut gets so long to be settled before the connections to providers are closed, ms. */
const CUT_MS = 500
const LOOK_MS = 25

/** The open connections of a server, from now on. */
export function watchConnections(http: HttpServer): ReadonlySet<Socket> {
  const sockets = new Set<Socket>()
  http.on('connection', (socket: Socket) => {
    sockets.add(socket)
    socket.once('close', () => sockets.delete(socket))
  })
  return sockets
}

/**
 * Ends serving: `/ready` turns 503 and new requests are refused at once, those that run end by themselves and their
 * last bytes reach their readers. The port stays open until then, so that balancers can read why. After 120 s, or when
 * `cut` is aborted, what is left is cut off and settled by what was produced.
 */
export async function drain(
  { http, sockets }: { readonly http: HttpServer; readonly sockets: ReadonlySet<Socket> },
  wired: Wired,
  clock: Clock,
  cut: AbortSignal,
): Promise<void> {
  const { gateway } = wired
  // To Node a connection is idle, and closed as such, when its answer was written but has not left yet.
  const sending = () => [...sockets].some((socket) => socket.writableLength > 0)
  const deadline = clock.tick() + DRAIN_MS
  const patient = () => !cut.aborted && clock.tick() < deadline
  gateway.draining = true
  while ((gateway.inFlight > 0 || sending()) && patient()) await look()

  let open = true
  const closed = new Promise<void>((done) => {
    http.close(() => {
      open = false
      done()
    })
  })
  while (open && patient()) {
    if (!sending()) http.closeIdleConnections()
    await look()
  }
  http.closeAllConnections()
  await closed

  const patience = clock.tick() + CUT_MS
  while (gateway.inFlight > 0 && clock.tick() < patience) await look()
  await wired.close()
}

function look(): Promise<void> {
  return new Promise((done) => setTimeout(done, LOOK_MS))
}
