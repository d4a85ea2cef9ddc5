/**
 * The load generator, in a process of its own beside the mock: takes one job at a time from its parent and answers with
 * what it measured.
 */
import { fileURLToPath } from 'node:url'
import { Connection, micros, type Owner } from './client.ts'
import { cpuSeconds, memoryMb, resetPeak } from './machine.ts'
import { requestBody, type Workload } from './workloads.ts'

/** Where a contestant listens and what it wants to be told. */
export interface Address {
  readonly port: number
  readonly path: string
  readonly headers: Readonly<Record<string, string>>
  /** Its names of the models, by workload. */
  readonly models: Readonly<Record<Workload, string>>
}

/**
 * One measurement. `closed`: each of `connections` sends as soon as it has its answer. `open`: `rate` requests a second
 * are sent, whether answers come or not. `idle`: streams are opened and left alone.
 */
export interface Job {
  readonly mode: 'closed' | 'open' | 'idle'
  readonly workload: Workload
  readonly address: Address
  /** Process group whose CPU and memory count; null for the mock itself. */
  readonly group: number | null
  readonly connections: number
  readonly rate: number
  readonly warmMs: number
  readonly windowMs: number
}

export interface Measured {
  /** Whole answers (closed and open), or events of B2, within the window. */
  readonly done: number
  readonly seconds: number
  /** CPU seconds of the contestant within the window. */
  readonly cpu: number
  /** Latencies in microseconds: of answers when open, of events in B2. */
  readonly p50: number
  readonly p99: number
  /** Highest resident memory within the window; for `idle` what the streams added, MB. */
  readonly memoryMb: number
  readonly errors: number
  /** What the first error said. */
  readonly fault: string | null
}

const MAX_CONNECTIONS = 2_048
/** B2: the streams begin one after the other, so that they are spread over the gap. */
const RAMP_MS = 4
/** B2: delays are taken from one stream in so many. */
const TIMED = 8
/** How long answers may take after the window, ms. */
const PATIENCE_MS = 5_000

const sleep = (ms: number) => new Promise<void>((resolve) => setTimeout(resolve, ms))

function requestBytes(job: Job): Buffer {
  const { path, headers, models, port } = job.address
  const body = requestBody(job.workload, models[job.workload])
  const lines = Object.entries({
    host: `127.0.0.1:${port}`,
    'content-type': 'application/json',
    accept: '*/*',
    'user-agent': 'bench',
    ...headers,
    'content-length': String(Buffer.byteLength(body)),
  }).map(([name, value]) => `${name}: ${value}\r\n`)
  return Buffer.from(`POST ${path} HTTP/1.1\r\n${lines.join('')}\r\n${body}`)
}

/** What all modes share: counting, and the window with its readings of /proc. */
class Run implements Owner {
  readonly job: Job
  readonly request: Buffer
  readonly connections: Connection[] = []
  readonly latencies: number[] = []
  #counting = false
  /** Begin and end of the window. */
  #from = Number.POSITIVE_INFINITY
  #until = Number.POSITIVE_INFINITY
  #stopped = false
  #answers = 0
  #events = 0
  #errors = 0
  #fault: string | null = null
  onEvents?: (count: number, delayUs: number | null) => void

  constructor(job: Job) {
    this.job = job
    this.request = requestBytes(job)
    if (job.workload === 'B2') this.onEvents = this.#countEvents
  }

  open(): Connection {
    const { address, workload } = this.job
    const timed = this.connections.length % TIMED === 0
    const connection = new Connection(address.port, this.request, workload, this, timed)
    this.connections.push(connection)
    return connection
  }

  onAnswer(connection: Connection, fault: string | null): void {
    if (this.#stopped) return
    if (fault !== null) {
      this.#errors++
      this.#fault ??= fault
    } else if (this.job.mode === 'closed') {
      if (this.#counting) this.#answers++
    } else if (connection.sentAt >= this.#from && connection.sentAt < this.#until) {
      // Sent within the window, however late the answer.
      this.latencies.push(micros() - connection.sentAt)
    }
    if (this.job.mode === 'open') {
      if (!connection.closed) this.free.push(connection)
    } else if (connection.closed) {
      // A contestant that drops connections gets new ones, but not in a tight loop.
      this.connections.splice(this.connections.indexOf(connection), 1)
      setTimeout(() => this.#stopped || this.open().send(), 10)
    } else connection.send()
  }

  readonly free: Connection[] = []

  #countEvents(count: number, delayUs: number | null): void {
    if (!this.#counting) return
    this.#events += count
    if (delayUs !== null) this.latencies.push(delayUs)
  }

  /** Counts for the window and reads the contestant's CPU at both ends of it. */
  async window(): Promise<Measured> {
    const { group, windowMs, workload } = this.job
    if (group !== null) resetPeak(group)
    const cpuBefore = group === null ? 0 : cpuSeconds(group)
    this.#from = micros()
    this.#counting = true
    await sleep(windowMs)
    this.#counting = false
    this.#until = micros()
    const cpu = group === null ? 0 : cpuSeconds(group) - cpuBefore
    const memory = group === null ? 0 : memoryMb(group, 'VmHWM')
    const seconds = (this.#until - this.#from) / 1e6
    const done = workload === 'B2' ? this.#events : this.#answers
    return { done, seconds, cpu, memoryMb: memory, p50: 0, p99: 0, errors: 0, fault: null }
  }

  /** Closes everything and adds what is known only now. */
  stop(measured: Measured): Measured {
    this.#stopped = true
    for (const connection of this.connections) connection.close()
    const done = this.job.mode === 'open' ? this.latencies.length : measured.done
    const delays = percentiles(this.latencies)
    return { ...measured, ...delays, done, errors: this.#errors, fault: this.#fault }
  }
}

/** p50 and p99 of the values, 0 of none. */
export function percentiles(values: readonly number[]): { p50: number; p99: number } {
  const sorted = Float64Array.from(values).sort()
  const at = (share: number) => sorted[Math.min(sorted.length - 1, Math.floor(sorted.length * share))] ?? 0
  return { p50: at(0.5), p99: at(0.99) }
}

async function closed(job: Job): Promise<Measured> {
  const run = new Run(job)
  for (let i = 0; i < job.connections; i++) {
    run.open().send()
    if (job.workload === 'B2') await sleep(RAMP_MS)
  }
  await sleep(job.warmMs)
  return run.stop(await run.window())
}

/** A send never waits for an answer, so that a slow contestant can't slow down what it is asked (coordinated omission). */
async function open(job: Job): Promise<Measured> {
  const run = new Run(job)
  const began = micros()
  let sent = 0
  const timer = setInterval(() => {
    for (const due = ((micros() - began) / 1e6) * job.rate; sent < due; sent++) {
      let connection = run.free.pop()
      while (connection?.closed) connection = run.free.pop()
      if (connection === undefined && run.connections.length >= MAX_CONNECTIONS) continue
      connection ??= run.open()
      connection.send()
    }
  }, 1)
  await sleep(job.warmMs)
  const measured = await run.window()
  clearInterval(timer)
  const late = micros() + PATIENCE_MS * 1000
  const waiting = () => run.connections.filter((connection) => connection.busy && !connection.closed).length
  while (waiting() > 0 && micros() < late) await sleep(10)
  const unanswered = waiting()
  const all = run.stop(measured)
  return unanswered === 0
    ? all
    : {
        ...all,
        errors: all.errors + unanswered,
        fault: all.fault ?? `no answer within ${PATIENCE_MS / 1000} s`,
      }
}

/** Opens streams that say one thing and nothing more; measures the memory they hold after a while. */
async function idle(job: Job): Promise<Measured> {
  const { group, connections, windowMs } = job
  const run = new Run(job)
  let speaking = 0
  run.onEvents = (count) => {
    speaking += count
  }
  const before = group === null ? 0 : memoryMb(group, 'VmRSS')
  for (let i = 0; i < connections; i++) {
    run.open().send()
    if (i % 16 === 15) await sleep(5)
  }
  const late = micros() + PATIENCE_MS * 1000
  while (speaking < connections && micros() < late) await sleep(10)
  await sleep(windowMs)
  const memory = group === null ? 0 : memoryMb(group, 'VmRSS') - before
  const missing = connections - speaking
  const measured = run.stop({
    done: speaking,
    seconds: windowMs / 1000,
    cpu: 0,
    p50: 0,
    p99: 0,
    memoryMb: memory,
    errors: 0,
    fault: null,
  })
  return missing > 0 && measured.errors === 0
    ? { ...measured, errors: missing, fault: `${missing} streams did not begin` }
    : measured
}

/** Carries out one job. */
export function measure(job: Job): Promise<Measured> {
  return { closed, open, idle }[job.mode](job)
}

if (process.argv[1] === fileURLToPath(import.meta.url)) {
  process.on('disconnect', () => process.exit())
  process.on('message', (job: Job) => {
    measure(job).then(
      (measured) => process.send!({ measured }),
      (error) => process.send!({ error: String(error) }),
    )
  })
}
