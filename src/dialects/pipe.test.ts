import fc from 'fast-check'
import { describe, expect, test } from 'vitest'
import { everyByte, rechunk, recordedCases, responseBytes } from '../../test/fixtures.ts'
import { type ChatEvent, type Cost, GatewayError, NO_USAGE } from '../chat/index.ts'
import type { Dialect, Frame, Framing, ReplyMeta, StreamPipe } from './dialect.ts'
import { AwsEventStream, crc32 } from './framing/aws-eventstream.ts'
import { DIALECTS, dialect } from './index.ts'
import { openaiChat } from './openai-chat/index.ts'
import { StreamPassthrough } from './openai-chat/passthrough.ts'
import { pipeFor, translatePipe } from './pipe.ts'

const meta: ReplyMeta = { id: 'gen-1', created: 1, model: 'a/b', provider: 'P', hideReasoning: false }
const cost: Cost = { totalNanos: 5n, upstreamPromptNanos: null, upstreamCompletionNanos: null, isByok: false }

/** A dialect that is nothing but a framing: a frame's text is said, `!` finishes, `?` fails. */
function echo(framing: Framing): Dialect {
  const decoder = () => {
    let finished = false
    let started = false
    return {
      push(frame: Frame): ChatEvent[] {
        const said = frame.kind === 'aws-eventstream' ? Buffer.from(frame.payload).toString() : frame.data
        if (said === '?') return [{ type: 'error', error: cut }]
        if (said === '!') {
          finished = true
          return [
            { type: 'block-stop', index: 0 },
            { type: 'finish', reason: 'stop', native: 'end' },
            { type: 'usage', usage: NO_USAGE },
          ]
        }
        const begin: ChatEvent[] = started
          ? []
          : [
              { type: 'start', id: 'up', model: 'm' },
              { type: 'block-start', index: 0, block: { kind: 'text' } },
            ]
        started = true
        return [...begin, { type: 'block-delta', index: 0, delta: { kind: 'text', text: said } }]
      },
      end: (): ChatEvent[] => (finished ? [] : [{ type: 'error', error: cut }]),
    }
  }
  return { ...openaiChat, id: `echo-${framing}`, framing, createStreamDecoder: decoder }
}
const cut = {
  code: 'provider_cut',
  status: 200,
  message: 'cut',
  providerCode: null,
  retryAfterMs: null,
} as const

/** An AWS message with one string header. */
function awsMessage(text: string, header = 'chunk'): Buffer {
  const name = Buffer.from(':event-type')
  const value = Buffer.from(header)
  const headers = Buffer.concat([Buffer.from([name.length]), name, Buffer.from([7, 0, value.length]), value])
  const payload = Buffer.from(text)
  const message = Buffer.alloc(16 + headers.length + payload.length)
  message.writeUInt32BE(message.length, 0)
  message.writeUInt32BE(headers.length, 4)
  message.writeUInt32BE(crc32(message.subarray(0, 8)), 8)
  headers.copy(message, 12)
  payload.copy(message, 12 + headers.length)
  message.writeUInt32BE(crc32(message.subarray(0, -4)), message.length - 4)
  return message
}

const framings: [Framing, (words: readonly string[]) => Buffer][] = [
  ['sse', (words) => Buffer.from(words.map((word) => `event: x\r\ndata: ${word}\r\n\r\n`).join(''))],
  ['jsonl', (words) => Buffer.from(words.join('\n'))],
  ['aws-eventstream', (words) => Buffer.concat(words.map((word) => awsMessage(word)))],
]

function run(pipe: StreamPipe, pieces: readonly Uint8Array[]): string {
  const out = pieces.flatMap((piece) => pipe.push(piece) ?? [])
  pipe.end()
  const { error, finish } = pipe.seen
  out.push(
    error === null && finish !== null
      ? pipe.finish(NO_USAGE, cost)
      : pipe.fail(new GatewayError('provider_cut', 'cut'), null, null),
  )
  return Buffer.concat(out).toString()
}

const said = (text: string): string =>
  [...text.matchAll(/"content":"([^"]*)"/g)].map(([, word]) => word).join('')

describe.each(framings)('a translation from %s', (framing, frames) => {
  const translated = () => translatePipe(echo(framing), openaiChat, meta, true)

  test('is the same at every cut and holds the end back', () => {
    const bytes = frames(['Grü', 'ße', '!'])
    const pipe = translated()
    const early = everyByte(bytes).flatMap((piece) => pipe.push(piece) ?? [])
    expect(Buffer.concat(early).toString()).not.toMatch(/"finish_reason":"|usage|DONE/)
    const whole = run(translated(), [bytes])
    expect(run(translated(), everyByte(bytes))).toBe(whole)
    fc.assert(
      fc.property(fc.nat(), (seed) => {
        expect(run(translated(), rechunk(bytes, seed, 9))).toBe(whole)
      }),
      { numRuns: 20 },
    )
    expect(said(whole)).toBe('Grüße')
    expect(whole).toMatch(/"finish_reason":"stop"[\s\S]*"cost":0.000000005[\s\S]*\[DONE\]/)
  })

  test('tells what was seen', () => {
    const pipe = translated()
    pipe.push(frames(['é', '!']))
    pipe.end()
    expect(pipe.seen).toMatchObject({
      content: true,
      outputBytes: 2,
      upstreamId: 'up',
      finish: { reason: 'stop', native: 'end' },
      usage: NO_USAGE,
      error: null,
      done: true,
    })
  })

  test('that is cut or fails ends in one error, never in a finish', () => {
    for (const words of [['a'], ['a', '?', '!'], []]) {
      const pipe = translated()
      const text = run(pipe, [frames(words)])
      expect(pipe.seen).toMatchObject({ error: { code: 'provider_cut' }, finish: null })
      expect(text).toContain('"finish_reason":"error"')
      expect(text).not.toMatch(/"stop"|DONE/)
    }
  })

  test('refuses more than a frame may hold', () => {
    const pipe = translatePipe(echo(framing), openaiChat, { ...meta, maxFrameBytes: 1000 }, true)
    expect(() => run(pipe, rechunk(frames(['x'.repeat(2000)]), 1))).toThrow(GatewayError)
  })
})

describe('an AWS event stream', () => {
  const read = (pieces: readonly Uint8Array[]): Frame[] => {
    const frames: Frame[] = []
    const framer = new AwsEventStream(1 << 20, (frame) => frames.push(frame))
    for (const piece of pieces) framer.push(piece)
    return frames
  }

  test('gives headers and payload', () => {
    expect(read([awsMessage('hey', 'messageStop')])).toMatchObject([
      { headers: { ':event-type': 'messageStop' } },
    ])
  })

  test('is refused when any byte is damaged', () => {
    const good = awsMessage('payload')
    for (let i = 0; i < good.length; i++) {
      const damaged = Buffer.from(good)
      damaged[i]! ^= 0x20
      let frames: Frame[] = []
      try {
        frames = read([damaged])
      } catch (error) {
        expect(error).toBeInstanceOf(GatewayError)
      }
      // A damaged length may also leave the message waiting for more.
      expect(frames).toHaveLength(0)
    }
  })

  test('of every recording is read whole, at any cut', () => {
    for (const recorded of recordedCases().filter(({ response }) => response.kind === 'eventstream')) {
      const frames = read([responseBytes(recorded)])
      expect(frames).toHaveLength(recorded.response.chunks_base64!.length)
      expect(read(rechunk(responseBytes(recorded), 7, 50))).toEqual(frames)
    }
  })
})

describe('a whole reply in another dialect', () => {
  const whole = (text: string) => {
    const pipe = translatePipe({ ...openaiChat, id: 'other' }, openaiChat, meta, false)
    expect(pipe.push(Buffer.from(text))).toBeNull()
    pipe.end()
    return pipe
  }
  const reply = {
    id: 'up',
    choices: [{ index: 0, message: { content: 'hi' }, finish_reason: 'stop' }],
    usage: { prompt_tokens: 1, completion_tokens: 2 },
  }

  test('goes out after the settle with our cost', () => {
    const pipe = whole(JSON.stringify(reply))
    expect(pipe.seen).toMatchObject({ content: true, finish: { reason: 'stop' }, usage: { promptTokens: 1 } })
    expect(JSON.parse(Buffer.from(pipe.finish(pipe.seen.usage!, cost)).toString())).toMatchObject({
      id: 'gen-1',
      choices: [{ message: { content: 'hi' } }],
      usage: { prompt_tokens: 1, cost: 5e-9 },
    })
  })

  test('that is cut leaves the finish open; that fails keeps what was produced', () => {
    expect(whole(JSON.stringify(reply).slice(0, -3)).seen).toMatchObject({ finish: null, error: null })
    expect(() => whole('{"odd":1}')).toThrow(/not a chat completion/)
    const failed = whole(
      JSON.stringify({ ...reply, choices: [{ ...reply.choices[0], finish_reason: 'error' }] }),
    )
    expect(failed.seen.error).not.toBeNull()
    expect(
      JSON.parse(Buffer.from(failed.fail(new GatewayError('provider_cut', 'gone'), null, null)).toString()),
    ).toMatchObject({
      choices: [{ finish_reason: 'error', message: { content: 'hi' }, error: { code: 502 } }],
    })
  })
})

test('the same dialect on both sides passes straight through', () => {
  expect(pipeFor(openaiChat, openaiChat, meta, true)).toBeInstanceOf(StreamPassthrough)
  expect(pipeFor(echo('jsonl'), openaiChat, meta, true)).not.toBeInstanceOf(StreamPassthrough)
})

test('dialects are found by id, unknown ones are null', () => {
  expect(dialect('openai-chat')).toBe(openaiChat)
  expect(dialect('morse')).toBeNull()
  for (const [id, known] of DIALECTS) expect(known.id).toBe(id)
})
