import type { Endpoint } from '../../catalog/index.ts'
import type { Meter, Outcome, Settled } from '../../chat/index.ts'
import { dialect, upstreamDialect } from '../../dialects/index.ts'
import { Wheel } from '../../lib/index.ts'
import { HealthBook, type Plan } from '../../routing/index.ts'
import { DrainSlots } from '../drains.ts'
import type { Transport } from '../transport.ts'
import type { RelayCall, RelayDeps, Sink, SinkListener, Target } from '../types.ts'

/** Everything that the parts of a test did, in the order in which they did it. */
export type Journal = string[]

/** A meter that notes what it is asked and answers when it is told to. */
export class FakeMeter implements Meter {
  readonly journal: Journal
  held: Promise<void> = Promise.resolve()
  readonly marks: Parameters<Meter['checkpoint']>[0][] = []
  readonly extended: string[] = []
  readonly outcomes: Outcome[] = []
  readonly releases: string[] = []
  covers: (endpointId: string) => boolean | Error = () => true
  /** What every settle waits for, and fails with. */
  settling: () => Promise<void> = () => Promise.resolve()
  /** What every release waits for, and fails with. */
  releasing: () => Promise<void> = () => Promise.resolve()

  constructor(journal: Journal = []) {
    this.journal = journal
  }

  async extend(endpointId: string): Promise<boolean> {
    this.extended.push(endpointId)
    const covered = this.covers(endpointId)
    if (covered instanceof Error) throw covered
    return covered
  }

  checkpoint(mark: Parameters<Meter['checkpoint']>[0]): void {
    this.marks.push(mark)
    this.journal.push(`checkpoint ${mark.phase}`)
  }

  async settle(outcome: Outcome): Promise<Settled> {
    this.outcomes.push(outcome)
    this.journal.push(`settle ${outcome.result}`)
    await this.settling()
    this.journal.push('settled')
    const costNanos = outcome.result === 'failed' ? 0n : BigInt(outcome.usage.completionTokens) * 1000n
    return { costNanos, upstreamPromptNanos: 0n, upstreamCompletionNanos: costNanos, isByok: false }
  }

  async release(reason: string): Promise<void> {
    this.releases.push(reason)
    this.journal.push(`release ${reason}`)
    await this.releasing()
    this.journal.push('released')
  }
}

/** A client that takes everything, or nothing more after `full`. */
export class TestSink implements Sink {
  readonly journal: Journal
  closed = false
  status = 0
  headers: readonly string[] = []
  text = ''
  ended = false
  aborted = false
  full = false
  listener: SinkListener | null = null

  constructor(journal: Journal = []) {
    this.journal = journal
  }

  listen(listener: SinkListener | null): void {
    this.listener = listener
  }

  head(status: number, headers: readonly string[]): void {
    this.status = status
    this.headers = headers
    this.journal.push(`head ${status}`)
  }

  write(chunk: Uint8Array): boolean {
    this.text += Buffer.from(chunk).toString('utf8')
    this.journal.push('write')
    return !this.full
  }

  end(chunk: Uint8Array | null): void {
    if (chunk !== null) this.text += Buffer.from(chunk).toString('utf8')
    this.ended = this.closed = true
    this.journal.push('end')
  }

  reply(status: number, headers: readonly string[], body: Uint8Array | string): void {
    this.head(status, headers)
    this.end(Buffer.from(body as string))
  }

  abort(): void {
    this.aborted = this.closed = true
  }

  /** The client goes away. */
  leave(): void {
    this.closed = true
    this.journal.push('left')
    this.listener?.onSinkClose()
  }

  drain(): void {
    this.full = false
    this.listener?.onSinkDrain()
  }

  /** Text of all content deltas. */
  get content(): string {
    return this.chunks.map((chunk) => chunk.choices?.[0]?.delta?.content ?? '').join('')
  }

  get chunks(): Chunk[] {
    return this.text
      .split('\n\n')
      .filter((frame) => frame.startsWith('data: {'))
      .map((frame) => JSON.parse(frame.slice(6)) as Chunk)
  }

  get json(): Chunk {
    return JSON.parse(this.text) as Chunk
  }
}

/** The parts of a chunk or reply that tests look at. */
export interface Chunk {
  readonly choices?: {
    readonly delta?: { readonly content?: string }
    readonly message?: { readonly content?: string }
    readonly finish_reason?: string | null
  }[]
  readonly usage?: {
    readonly cost?: number
    readonly prompt_tokens: number
    readonly completion_tokens: number
  }
  readonly error?: {
    readonly code: number
    readonly message: string
    readonly metadata: Record<string, unknown>
  }
  readonly provider?: string
  readonly model?: string
}

export function endpointAt(tag: string, more: Partial<Endpoint> = {}): Endpoint {
  return {
    id: `acme/model@${tag}`,
    modelId: 'acme/model',
    providerId: tag,
    providerName: tag.toUpperCase(),
    tag,
    upstreamId: 'upstream-model',
    dialect: 'openai-chat',
    contextLength: 8_192,
    maxOutput: 1_024,
    maxPrompt: null,
    quantization: 'unknown',
    tariff: null,
    supportedParameters: [],
    inputModalities: ['text'],
    outputModalities: ['text'],
    implicitCaching: false,
    simulated: false,
    reasoning: false,
    source: { name: 'test', asOf: '2026-01-01' },
    ...more,
  }
}

export function planOf(order: readonly Endpoint[], more: Partial<Plan> = {}): Plan {
  return {
    candidates: [],
    order,
    coolingMs: 0,
    maxAttempts: 8,
    retriesPerModel: 7,
    allowFallbacks: true,
    refusal: null,
    requested: ['acme/model'],
    strategy: 'test',
    ...more,
  }
}

export interface Bench {
  readonly call: RelayCall
  readonly deps: RelayDeps
  readonly meter: FakeMeter
  readonly sink: TestSink
  readonly journal: Journal
  readonly wheel: Wheel
  readonly drains: DrainSlots
}

/** A request for the endpoints, each reached at the URL named for its tag. */
export function bench(
  transport: Transport,
  urls: Readonly<Record<string, string>>,
  more: {
    readonly body?: Record<string, unknown>
    readonly endpoints?: readonly Endpoint[]
    readonly plan?: Partial<Plan>
    readonly call?: Partial<RelayCall>
    readonly deps?: Partial<RelayDeps>
    readonly target?: Partial<Target>
    readonly timeouts?: Partial<RelayCall['timeouts']>
    /** How many times faster than the wall the relay's clock runs. */
    readonly speed?: number
  } = {},
): Bench {
  const journal: Journal = []
  const meter = new FakeMeter(journal)
  const sink = new TestSink(journal)
  const { speed = 1 } = more
  const clock = { now: () => Date.now(), tick: () => performance.now() * speed }
  const wheel = new Wheel(clock, 10)
  const drains = new DrainSlots()
  const client = dialect('openai-chat')!
  const body = {
    model: 'acme/model',
    stream: true,
    messages: [{ role: 'user', content: 'hi' }],
    ...more.body,
  }
  const call: RelayCall = {
    id: 'gen-1',
    request: client.decodeRequest(body, { path: '/v1/chat/completions', query: '' }),
    client,
    plan: planOf(more.endpoints ?? Object.keys(urls).map((tag) => endpointAt(tag)), more.plan),
    meter,
    sink,
    timeouts: { connectMs: 300, firstTokenMs: 300, idleMs: 300, totalMs: 10_000, ...more.timeouts },
    trace: [],
    created: 1_700_000_000,
    hideReasoning: false,
    ...more.call,
  }
  const deps: RelayDeps = {
    transport: () => transport,
    target: (endpoint, failed) =>
      failed.has(`${endpoint.tag}-1`)
        ? null
        : {
            address: (path, headers) => ({
              origin: urls[endpoint.tag]!,
              path: `/v1${path}`,
              headers: ['authorization', `Bearer key-of-${endpoint.tag}`, ...headers.flat()],
            }),
            credentialId: `${endpoint.tag}-1`,
            cancelStopsBilling: true,
            wire: { upstreamId: endpoint.upstreamId, maxOutput: null, quirks: {}, supportedParameters: null },
            ...more.target,
          },
    dialect: upstreamDialect,
    health: new HealthBook(() => 0.5),
    estimateTokens: (bytes) => Math.ceil(bytes / 4),
    clock,
    wheel,
    drains,
    log: (event) => void journal.push(event),
    ...more.deps,
  }
  return { call, deps, meter, sink, journal, wheel, drains }
}
