import { type ChatEvent, NO_USAGE } from '../src/chat/index.ts'
import { DIALECTS, type ReplyMeta, translatePipe } from '../src/dialects/index.ts'
import { type Spread, spread } from './figures.ts'

const DELTAS = 500
const RUNS = 40

const META: ReplyMeta = {
  id: 'gen-1763900000-AbCdEfGhIj',
  created: 1_763_900_000,
  model: 'author/model',
  provider: 'Provider',
  hideReasoning: false,
}
const COST = { totalNanos: 65_000n, upstreamPromptNanos: 1n, upstreamCompletionNanos: 2n, isByok: false }
const WORDS = [
  ' the',
  ' quick',
  ' brown',
  ' fox',
  ',',
  ' jumps',
  '\n',
  ' over',
  ' “lazy”',
  ' dogs',
  ' "again"',
]

type Delta = (word: string) => ChatEvent & { type: 'block-delta' }

const SHAPES: Readonly<Record<string, readonly [ChatEvent & { type: 'block-start' }, Delta]>> = {
  text: [
    { type: 'block-start', index: 0, block: { kind: 'text' } },
    (text) => ({ type: 'block-delta', index: 0, delta: { kind: 'text', text } }),
  ],
  'tool arguments': [
    { type: 'block-start', index: 0, block: { kind: 'tool', id: 'call_1', name: 'write' } },
    (word) => ({
      type: 'block-delta',
      index: 0,
      delta: { kind: 'args', json: JSON.stringify(word).slice(1, -1) },
    }),
  ],
}

/** What one delta costs from one format of conversations to another, microseconds of CPU. */
export interface DeltaCost {
  readonly from: string
  readonly to: string
  readonly shape: string
  readonly cost: Spread
}

/**
 * Decoding and encoding one streamed delta between every two different formats, a frame a push as in a live stream. As
 * many runs as are measured go before to warm up.
 */
export function deltaCosts(measuredRuns = RUNS, deltas = DELTAS): DeltaCost[] {
  const costs: DeltaCost[] = []
  for (const [from, upstream] of DIALECTS) {
    for (const [shape, [begin, delta]] of Object.entries(SHAPES)) {
      const frames = framesOf(from, begin, delta, deltas)
      // A format that tells a call in one piece has no deltas of it.
      if (frames.length < deltas) continue
      for (const [to, client] of DIALECTS) {
        if (from === to) continue
        const runs: number[] = []
        for (let i = 0; i < 2 * measuredRuns; i++) {
          const pipe = translatePipe(upstream, client, META, true)
          const began = process.cpuUsage()
          for (const frame of frames) pipe.push(frame)
          pipe.end()
          pipe.finish(NO_USAGE, COST)
          const { user, system } = process.cpuUsage(began)
          runs.push((user + system) / deltas)
        }
        costs.push({ from, to, shape, cost: spread(runs.slice(measuredRuns))! })
      }
    }
  }
  return costs
}

/** The cost of the slowest pair of formats. */
export function slowestDelta(): Spread {
  return deltaCosts()
    .map(({ cost }) => cost)
    .reduce((slowest, cost) => (cost.median > slowest.median ? cost : slowest))
}

/** A stream as a provider of that format sends it. */
function framesOf(dialect: string, begin: ChatEvent, delta: Delta, deltas: number): Buffer[] {
  const encoder = DIALECTS.get(dialect)!.createStreamEncoder(META)
  const events: ChatEvent[] = [
    { type: 'start', id: 'upstream-1', model: 'model' },
    begin,
    ...Array.from({ length: deltas }, (_, i) => delta(WORDS[i % WORDS.length]!)),
    { type: 'block-stop', index: 0 },
    { type: 'finish', reason: 'stop', native: 'stop' },
    { type: 'usage', usage: { ...NO_USAGE, promptTokens: 10, completionTokens: deltas } },
  ]
  const frames = events.map((event) => encoder.push(event))
  frames.push(encoder.end())
  return frames.filter((frame) => frame !== '').map((frame) => Buffer.from(frame))
}
