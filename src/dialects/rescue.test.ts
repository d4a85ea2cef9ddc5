import fc from 'fast-check'
import { describe, expect, it } from 'vitest'
import { readGatewayStream } from '../../test/chat-client.ts'
import { readGeminiStream } from '../../test/gemini-client.ts'
import { readMessageStream } from '../../test/messages-client.ts'
import { type ChatEvent, type Cost, GatewayError, NO_USAGE } from '../chat/index.ts'
import type { ReplyMeta, StreamPipe } from './dialect.ts'
import { DIALECTS, dialect } from './index.ts'
import { readGatewayStream as readResponsesStream } from './openai-responses/reader.fixture.ts'
import { pipeFor, rescuePipe } from './pipe.ts'

const meta = (id: string): ReplyMeta => ({
  id,
  created: 1,
  model: `model-of-${id}`,
  provider: `Provider of ${id}`,
  hideReasoning: false,
  keepDelivered: true,
})
const USAGE = { ...NO_USAGE, promptTokens: 7, completionTokens: 9 }
const COST: Cost = { totalNanos: 5n, upstreamPromptNanos: 2n, upstreamCompletionNanos: 3n, isByok: false }
const NAMES = [...DIALECTS.keys()]

const word = fc.stringMatching(/^[a-zé"\\\n😀 ]{1,9}$/u)
const words = fc.array(word, { minLength: 3, maxLength: 12 })

interface Said {
  readonly reasoning?: string
  readonly texts: readonly string[]
  readonly tool?: string
}

function eventsOf({ reasoning, texts, tool }: Said): ChatEvent[] {
  const events: ChatEvent[] = [{ type: 'start', id: 'up-1', model: 'upstream' }]
  let index = 0
  if (reasoning !== undefined) {
    events.push({ type: 'block-start', index, block: { kind: 'reasoning' } })
    events.push({ type: 'block-delta', index, delta: { kind: 'reasoning', text: reasoning } })
    events.push({ type: 'block-stop', index: index++ })
  }
  events.push({ type: 'block-start', index, block: { kind: 'text' } })
  for (const text of texts) events.push({ type: 'block-delta', index, delta: { kind: 'text', text } })
  events.push({ type: 'block-stop', index: index++ })
  if (tool !== undefined) {
    events.push({ type: 'block-start', index, block: { kind: 'tool', id: 'call_1', name: tool } })
    events.push({ type: 'block-delta', index, delta: { kind: 'args', json: '{"a":1}' } })
    events.push({ type: 'block-stop', index })
  }
  return [
    ...events,
    { type: 'usage', usage: USAGE },
    { type: 'finish', reason: tool === undefined ? 'stop' : 'tool_calls', native: null },
  ]
}

/** Bytes of an answer as a provider of that dialect sends them, in one piece an event. */
function upstream(name: string, said: Said): Buffer[] {
  const encoder = dialect(name)!.createStreamEncoder(meta('upstream'))
  const pieces = eventsOf(said).map((event) => encoder.push(event))
  return [...pieces, encoder.end()].filter((piece) => piece !== '').map((piece) => Buffer.from(piece))
}

interface Read {
  readonly text: string
  readonly finish: string | null
  readonly error: boolean
  readonly tools: readonly string[]
}

/** By a strict reader of that format, which knows nothing of the gateway's code. */
const READERS: Readonly<Record<string, (stream: string) => Read>> = {
  'openai-chat': (stream) => {
    const { choices, error } = readGatewayStream(stream)
    const { text = '', finish = null, tools = [] } = choices[0] ?? {}
    return { text, finish, error: error !== null, tools: tools.map(({ name }) => name) }
  },
  'anthropic-messages': (stream) => {
    const { blocks, stop, error } = readMessageStream(stream)
    const text = blocks.map((block) => block['text'] ?? '').join('')
    const tools = blocks.flatMap((block) => (block['type'] === 'tool_use' ? String(block['name']) : []))
    return { text, finish: stop, error: error !== null, tools }
  },
  'openai-responses': (stream) => {
    const { text, status, error, tools } = readResponsesStream(stream)
    const finish = status === 'completed' ? 'completed' : null
    return { text, finish, error: error !== null, tools: tools.map(({ name }) => name) }
  },
  gemini: (stream) => {
    const { choices, error } = readGeminiStream(stream)
    const { text = '', finish = null, calls = [] } = choices[0] ?? {}
    return { text, finish, error: error !== null, tools: calls.map(({ name }) => name) }
  },
}
const GOOD_END: Readonly<Record<string, string>> = {
  'openai-chat': 'stop',
  'anthropic-messages': 'end_turn',
  'openai-responses': 'completed',
  gemini: 'STOP',
}

function pushAll(pipe: StreamPipe, pieces: readonly Uint8Array[]): string {
  let out = ''
  for (const piece of pieces) {
    out += Buffer.from(pipe.push(piece) ?? []).toString()
    if (pipe.seen.error !== null) return out
  }
  pipe.end()
  return out
}

interface Case {
  readonly client: string
  readonly from: string
  readonly to: string
}

/** The client's stream of an answer that was cut after `cut` bytes and went on at a second endpoint. */
function rescued(
  { client, from, to }: Case,
  first: Said,
  cut: number,
  second: Said,
  way: 'restart' | 'continue',
) {
  const whole = Buffer.concat(upstream(from, first))
  const pipe = pipeFor(dialect(from)!, dialect(client)!, meta('gen-1'), true)
  let out = Buffer.from(pipe.push(whole.subarray(0, cut)) ?? []).toString()
  // Before its first content another endpoint answers from the start.
  if (!pipe.seen.content) return null
  const handover = pipe.handOver!()
  if (handover === null) return null
  const next = rescuePipe(dialect(to)!, meta('gen-2'), handover, way)
  out += pushAll(next, upstream(to, second))
  if (next.seen.error === null) out += Buffer.from(next.finish(USAGE, COST)).toString()
  return { out, next, delivered: handover.text }
}

const cases = NAMES.flatMap((client) =>
  NAMES.flatMap((from) => NAMES.map((to): Case => ({ client, from, to }))),
)

describe.each(cases)('a $client client, cut off by $from and rescued by $to', (at) => {
  it('reads one whole answer, wherever it was cut', () => {
    fc.assert(
      fc.property(words, fc.double({ min: 0, max: 1, noNaN: true }), (texts, share) => {
        const size = Buffer.concat(upstream(at.from, { texts })).length
        const done = rescued(at, { texts }, Math.floor(size * share), { texts }, 'restart')
        fc.pre(done !== null)
        expect(done.next.seen.error).toBeNull()
        expect(READERS[at.client]!(done.out)).toEqual({
          text: texts.join(''),
          finish: GOOD_END[at.client],
          error: false,
          tools: [],
        })
        expect(done.out).not.toContain('model-of-gen-2')
      }),
      { numRuns: 15 },
    )
  })

  it('reads the text going on where an endpoint continues it', () => {
    fc.assert(
      fc.property(words, words, fc.boolean(), (texts, more, echoes) => {
        const cut = Buffer.concat(upstream(at.from, { texts }).slice(0, 3)).length
        const probe = rescued(at, { texts }, cut, { texts }, 'restart')
        fc.pre(probe !== null)
        const { delivered } = probe
        const rest = `<${more.join('')}`
        const second = echoes && delivered.trim() !== '' ? delivered.trimEnd() + rest : rest
        const done = rescued(
          at,
          { texts },
          cut,
          { texts: [second.slice(0, 4), second.slice(4)] },
          'continue',
        )!
        expect(READERS[at.client]!(done.out)).toMatchObject({ text: delivered + rest, error: false })
      }),
      { numRuns: 5 },
    )
  })

  it('is told of a divergence, and nothing of the other answer', () => {
    const texts = ['The answer ', 'is ', 'forty', '-two.']
    const cut = Buffer.concat(upstream(at.from, { texts }).slice(0, -3)).length
    const done = rescued(at, { texts }, cut, { texts: ['The answer ', 'was never found.'] }, 'restart')!
    expect(done.next.seen.error?.code).toBe('answer_diverged')
    expect(done.out).not.toContain('never')
    const error = new GatewayError('provider_cut', 'broken')
    const all = done.out + Buffer.from(done.next.fail(error, USAGE, COST)).toString()
    expect(READERS[at.client]!(all)).toMatchObject({ text: done.delivered, error: true })
  })

  it('gets tool calls that follow the text that it has', () => {
    const texts = ['Let me ', 'look.']
    const cut = Buffer.concat(upstream(at.from, { texts }).slice(0, -2)).length
    const done = rescued(at, { texts }, cut, { texts, tool: 'search' }, 'restart')!
    expect(READERS[at.client]!(done.out)).toMatchObject({ text: 'Let me look.', tools: ['search'] })
  })
})

describe.each(NAMES)('reasoning before the text of a %s client', (client) => {
  const at = { client, from: 'openai-chat', to: 'openai-chat' }
  const texts = ['Forty', '-two.']

  it('is told once: that of the second endpoint reaches nobody', () => {
    const first = upstream('openai-chat', { reasoning: 'first thoughts', texts })
    const cut = Buffer.concat(first).indexOf('-two')
    const second = { reasoning: 'second thoughts', texts }
    const done = rescued(at, { reasoning: 'first thoughts', texts }, cut, second, 'restart')!
    expect(READERS[client]!(done.out)).toMatchObject({ text: 'Forty-two.', error: false })
    expect(done.out).toContain('first thoughts')
    expect(done.out).not.toContain('second')
  })

  it('may break off: the second endpoint thinks and answers anew', () => {
    const first = Buffer.concat(upstream('openai-chat', { reasoning: 'first thoughts', texts }))
    const cut = first.indexOf('\n\n', first.indexOf('first thoughts')) + 2
    const second = { reasoning: 'second thoughts', texts }
    const done = rescued(at, { reasoning: 'first thoughts', texts }, cut, second, 'restart')!
    expect(READERS[client]!(done.out)).toMatchObject({ text: 'Forty-two.', error: false })
  })
})

describe.each(NAMES)('what %s has delivered', (name) => {
  /** Handed over after the piece that says `last`. */
  const handed = (said: Said, last: string, more: Partial<ReplyMeta> = {}) => {
    const pipe = pipeFor(dialect(name)!, dialect(name)!, { ...meta('gen-1'), ...more }, true)
    const pieces = upstream(name, said)
    const end = pieces.findIndex((piece) => piece.includes(last))
    pipe.push(Buffer.concat(pieces.slice(0, end + 1)))
    return pipe.handOver?.() ?? null
  }

  it('is its text', () => {
    expect(handed({ texts: ['one ', 'two', '\n'] }, '"\\n"')?.text).toBe('one two\n')
  })

  it('cannot be gone on with inside a tool call', () => {
    expect(handed({ texts: ['one'], tool: 'search' }, 'search')).toBeNull()
  })

  it('cannot be gone on with beyond 256 KiB', () => {
    const texts = Array(300).fill('x'.repeat(1024))
    expect(handed({ texts: [...texts.slice(0, 250), 'end'] }, 'end')?.text).toHaveLength(250 * 1024 + 3)
    expect(handed({ texts: [...texts, 'end'] }, 'end')).toBeNull()
  })

  it('is not kept when nobody could go on with it', () => {
    expect(handed({ texts: ['one'] }, 'one', { keepDelivered: false })).toBeNull()
  })
})
