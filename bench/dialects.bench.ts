/**
 * What a streamed token costs in the dialect room, per frame: the fast lane, the slow lane and a translation, with one
 * frame per push (a live stream) and with all frames of a 16 KiB read at once; then a delta between every two formats. Run: `node bench/dialects.bench.ts`.
 */
import { NO_USAGE } from '../src/chat/index.ts'
import type { ReplyMeta, StreamPipe } from '../src/dialects/index.ts'
import { DIALECTS, translatePipe } from '../src/dialects/index.ts'
import { StreamPassthrough } from '../src/dialects/openai-chat/passthrough.ts'
import { deltaCosts } from './deltas.ts'

const openaiChat = DIALECTS.get('openai-chat')!
const meta: ReplyMeta = {
  id: 'gen-1763900000-AbCdEfGhIj',
  created: 1_763_900_000,
  model: 'openai/gpt-4o-mini',
  provider: 'OpenAI',
  hideReasoning: false,
}
const cost = { totalNanos: 65_000n, upstreamPromptNanos: 1n, upstreamCompletionNanos: 2n, isByok: false }

const WORDS = [
  ' the',
  ' quick',
  ' brown',
  ' fox',
  ',',
  ' jumps',
  '\\n',
  ' over',
  ' “lazy”',
  ' dogs',
  ' \\"again\\"',
  '.',
]
const FRAMES = 1000

const head =
  '"id":"chatcmpl-9f3d2c","object":"chat.completion.chunk","created":1763900000,"model":"gpt-4o-mini-2024-07-18"'
const shapes: Readonly<Record<string, (word: string, i: number) => string>> = {
  'OpenAI content': (word, i) =>
    `data: {${head},"service_tier":"default","system_fingerprint":"fp_560af6e559","choices":[{"index":0,"delta":{"content":"${word}"},"logprobs":null,"finish_reason":null}],"usage":null,"obfuscation":"${'x'.repeat(i % 9)}"}\n\n`,
  'DeepSeek reasoning': (word) =>
    `data: {${head},"system_fingerprint":"fp_8","choices":[{"index":0,"delta":{"content":null,"reasoning_content":"${word}"},"logprobs":null,"finish_reason":null}],"usage":null}\n\n`,
  'tool arguments': (word) =>
    `data: {${head},"choices":[{"index":0,"delta":{"tool_calls":[{"index":0,"function":{"arguments":"${word}"}}]},"logprobs":null,"finish_reason":null}]}\n\n`,
}
const finish = `data: {${head},"choices":[{"index":0,"delta":{},"logprobs":null,"finish_reason":"stop"}]}\n\ndata: [DONE]\n\n`

const pipes: Readonly<Record<string, () => StreamPipe>> = {
  'fast lane': () => new StreamPassthrough(meta),
  'slow lane': () => new StreamPassthrough(meta, { fastLane: false }),
  translation: () => translatePipe(openaiChat, openaiChat, meta, true),
}

function once(create: () => StreamPipe, pieces: readonly Buffer[]): number {
  const pipe = create()
  const start = process.hrtime.bigint()
  for (const piece of pieces) pipe.push(piece)
  pipe.end()
  pipe.finish(NO_USAGE, cost)
  return Number(process.hrtime.bigint() - start)
}

for (const [shape, frame] of Object.entries(shapes)) {
  const frames = Array.from({ length: FRAMES }, (_, i) => Buffer.from(frame(WORDS[i % WORDS.length]!, i)))
  frames.push(Buffer.from(finish))
  const whole = Buffer.concat(frames)
  const reads = Array.from({ length: Math.ceil(whole.length / 16_384) }, (_, i) =>
    whole.subarray(i * 16_384, (i + 1) * 16_384),
  )
  for (const [name, create] of Object.entries(pipes)) {
    for (const [cut, pieces] of [
      ['a frame a push', frames],
      ['16 KiB a push', reads],
    ] as const) {
      const runs: number[] = []
      for (let i = 0; i < 150; i++) runs.push(once(create, pieces) / FRAMES)
      const median = runs.slice(50).toSorted((a, b) => a - b)[50]!
      console.log(
        `${shape.padEnd(20)} ${name.padEnd(12)} ${cut.padEnd(16)} ${median.toFixed(0).padStart(6)} ns/frame`,
      )
    }
  }
}

console.log('\none delta between two dialects')
for (const { from, to, shape, cost } of deltaCosts()) {
  console.log(
    `${`${from} → ${to}`.padEnd(42)} ${shape.padEnd(16)} ${cost.median.toFixed(2).padStart(6)} µs/delta`,
  )
}
