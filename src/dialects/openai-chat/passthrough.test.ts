import fc from 'fast-check'
import { describe, expect, test } from 'vitest'
import { readGatewayReply, readGatewayStream, sseData } from '../../../test/chat-client.ts'
import { everyByte, rechunk, recordedCases, responseBytes } from '../../../test/fixtures.ts'
import { type Cost, GatewayError, NO_USAGE } from '../../chat/index.ts'
import type { ReplyMeta, StreamPipe } from '../dialect.ts'
import { MAX_FRAME_BYTES, StreamPassthrough } from './passthrough.ts'
import { WholePassthrough } from './whole.ts'

const meta: ReplyMeta = { id: 'gen-1-Ab', created: 5, model: 'a/b', provider: 'Pröv', hideReasoning: false }
const cost: Cost = {
  totalNanos: 1_500_000_065n,
  upstreamPromptNanos: 7n,
  upstreamCompletionNanos: null,
  isByok: false,
}
const HEAD = '"id":"up-1","object":"chat.completion.chunk","created":1,"model":"m"'

const frame = (body: string): string => `data: {${HEAD},${body}}\n\n`
const delta = (fields: string, rest = '"finish_reason":null'): string =>
  frame(`"choices":[{"index":0,"delta":{${fields}},${rest}}]`)
const say = (word: string): string => delta(`"content":${JSON.stringify(word)}`)
const FINISH = delta('', '"finish_reason":"stop"')
const USAGE = frame('"choices":[],"usage":{"prompt_tokens":3,"completion_tokens":4,"total_tokens":7}')
const DONE = 'data: [DONE]\n\n'

/** Sends text in pieces; what went out before the end, and all of it. */
function send(
  text: string,
  options: { pieces?: (bytes: Buffer) => readonly Uint8Array[]; pipe?: StreamPipe } = {},
) {
  const pipe = options.pipe ?? new StreamPassthrough(meta)
  const out: Uint8Array[] = []
  const bytes = Buffer.from(text)
  for (const piece of options.pieces?.(bytes) ?? [bytes]) {
    const ready = pipe.push(piece)
    if (ready !== null) out.push(ready)
  }
  const early = Buffer.concat(out).toString()
  pipe.end()
  const { seen } = pipe
  const good = seen.error === null && seen.finish !== null
  out.push(
    good
      ? pipe.finish(seen.usage ?? NO_USAGE, cost)
      : pipe.fail(
          new GatewayError(seen.error?.code ?? 'provider_cut', seen.error?.message ?? 'cut'),
          seen.usage,
          cost,
        ),
  )
  return { early, text: Buffer.concat(out).toString(), seen, good, pieces: out.length }
}

describe('a stream of the same dialect', () => {
  test('carries our id, model and provider, and the words unchanged', () => {
    const { text } = send(say('Grüße \n"x" 🚀') + say('…') + FINISH + USAGE + DONE)
    const answer = readGatewayStream(text)
    expect(answer.choices[0]).toMatchObject({ text: 'Grüße \n"x" 🚀…', finish: 'stop', native: 'stop' })
    for (const chunk of answer.chunks)
      expect(chunk).toMatchObject({ id: 'gen-1-Ab', model: 'a/b', provider: 'Pröv', created: 5 })
    expect(answer.done).toBe(true)
  })

  test('holds finish, usage and end mark back until the settle, then tells the cost in exact decimals', () => {
    const { early, text } = send(say('a') + FINISH + USAGE + DONE)
    expect(sseData(early)).toHaveLength(1)
    expect(early).not.toContain('stop')
    expect(text).toContain('"cost":1.500000065,')
    expect(text).toContain(
      '"upstream_inference_prompt_cost":0.000000007,"upstream_inference_completions_cost":null',
    )
    expect(sseData(text).at(-1)).toBe('[DONE]')
    const last = JSON.parse(sseData(text).at(-2)!)
    expect(last.choices).toEqual([
      {
        index: 0,
        delta: { role: 'assistant', content: '' },
        finish_reason: null,
        native_finish_reason: null,
      },
    ])
    expect(last.usage).toMatchObject({ prompt_tokens: 3, completion_tokens: 4, total_tokens: 7 })
  })

  test('sends all frames of one push in one buffer, and nothing for half a frame', () => {
    const pipe = new StreamPassthrough(meta)
    const bytes = Buffer.from(say('a') + say('b') + say('c'))
    expect(sseData(Buffer.from(pipe.push(bytes)!).toString())).toHaveLength(3)
    expect(pipe.push(bytes.subarray(0, 20))).toBeNull()
    expect(Buffer.from(pipe.push(bytes.subarray(20))!).toString()).toContain('"a"')
  })

  test('tells content that came with the finish at once, the finish later', () => {
    const { early, text } = send(delta('"content":"last"', '"finish_reason":"length"') + DONE)
    expect(JSON.parse(sseData(early)[0]!).choices[0]).toMatchObject({
      delta: { content: 'last' },
      finish_reason: null,
    })
    expect(readGatewayStream(text).choices[0]).toMatchObject({ text: 'last', finish: 'length' })
  })

  test('keeps candidates apart and finishes each once', () => {
    const choice = (index: number, fields: string, finish = 'null') =>
      frame(`"choices":[{"index":${index},"delta":{${fields}},"finish_reason":${finish}}]`)
    const { text } = send(
      choice(0, '"content":"a"') +
        choice(0, '', '"stop"') +
        choice(1, '"content":"b"') +
        choice(1, '', '"length"') +
        DONE,
    )
    expect(readGatewayStream(text).choices).toMatchObject([
      { text: 'a', finish: 'stop' },
      { text: 'b', finish: 'length' },
    ])
  })

  test('gives two calls of one index with different ids an index each', () => {
    const call = (id: string, args: string) =>
      delta(
        `"tool_calls":[{"index":0,"id":"${id}","type":"function","function":{"name":"f","arguments":"${args}"}}]`,
      )
    const { text } = send(
      call('x', '{}') + call('y', '[]') + delta('', '"finish_reason":"tool_calls"') + DONE,
    )
    expect(readGatewayStream(text).choices[0]!.tools).toEqual([
      { id: 'x', name: 'f', args: '{}' },
      { id: 'y', name: 'f', args: '[]' },
    ])
  })

  test('makes ids that a provider left out, and never repeats id or name', () => {
    const { text } = send(
      delta('"tool_calls":[{"function":{"name":"f","arguments":""}}]') +
        delta('"tool_calls":[{"id":"","function":{"name":"f","arguments":"{\\"a\\":"}}]') +
        delta('"tool_calls":[{"id":null,"function":{"name":null,"arguments":"1}"}}]') +
        delta('"tool_calls":[{"function":{"name":"g","arguments":{"b":2}}}]') +
        delta('', '"finish_reason":"tool_calls"'),
    )
    expect(readGatewayStream(text).choices[0]!.tools).toEqual([
      { id: 'call_1Ab_0', name: 'f', args: '{"a":1}' },
      { id: 'call_1Ab_1', name: 'g', args: '{"b":2}' },
    ])
  })

  test('says reasoning in every spelling as reasoning and reasoning_details', () => {
    const { text } = send(delta('"reasoning_content":"think"') + say('so') + FINISH)
    expect(JSON.parse(sseData(text)[0]!).choices[0].delta).toEqual({
      reasoning_content: 'think',
      reasoning: 'think',
      reasoning_details: [{ type: 'reasoning.text', text: 'think', format: 'unknown', index: 0 }],
    })
  })

  test('tells sources that stand beside the choices as annotations, once each', () => {
    const sources = (urls: string[], more: string) => frame(`"citations":${JSON.stringify(urls)},${more}`)
    const word = '"choices":[{"index":0,"delta":{"content":"a"},"finish_reason":null}]'
    const stream = [sources(['u1'], '"choices":[]'), sources(['u1'], word), sources(['u1', 'u2'], word)]
    const { text } = send([...stream, ...stream, FINISH, DONE].join(''))
    const { chunks, choices } = readGatewayStream(text)
    const notes = chunks.flatMap(({ choices: [choice] }) => choice.delta.annotations ?? [])
    expect(notes.map(({ url_citation: it }) => it.url)).toEqual(['u1', 'u2'])
    expect(choices[0]!.text).toBe('aaaa')
    const whole = {
      search_results: [{ url: 'u1', title: 'T', snippet: 's' }],
      choices: [{ message: { content: 'a' }, finish_reason: 'stop' }],
    }
    const reply = JSON.parse(send(JSON.stringify(whole), { pipe: new WholePassthrough(meta) }).text)
    expect(reply.choices[0].message.annotations).toMatchObject([
      { type: 'url_citation', url_citation: { url: 'u1', title: 'T', content: 's' } },
    ])
  })

  test('hides reasoning when asked, which then is no content', () => {
    const pipe = new StreamPassthrough({ ...meta, hideReasoning: true })
    expect(pipe.push(Buffer.from(delta('"reasoning":"secret"')))).toBeNull()
    expect(pipe.seen).toMatchObject({ content: false, outputBytes: 6 })
    const { text } = send(
      delta('"reasoning":"secret"') + delta('"content":"","reasoning":"secret"') + say('a') + FINISH,
      { pipe },
    )
    expect(text).not.toContain('secret')
  })

  test('drops chunks without choices, comments and keep-alives', () => {
    const azure = 'data: {"id":"","choices":[],"prompt_filter_results":[{}],"model":"","object":""}\n\n'
    const { text, seen } = send(`: OPENROUTER PROCESSING\n\n${azure}event: ping\n\n${say('a')}${FINISH}`)
    expect(readGatewayStream(text).choices[0]!.text).toBe('a')
    expect(seen.upstreamId).toBe('up-1')
  })

  test('reads CRLF lines, missing end marks and a last frame without blank line', () => {
    const crlf = (say('a') + FINISH).replaceAll('\n', '\r\n')
    expect(send(crlf, { pieces: everyByte })).toMatchObject({ good: true })
    expect(send(say('a') + FINISH.trimEnd())).toMatchObject({ good: true })
    expect(readGatewayStream(send(say('a') + say('b').trimEnd()).text).choices[0]!.text).toBe('ab')
  })

  test('reports an error inside the stream and sends nothing after it', () => {
    const { text, seen, good } = send(
      `${say('a')}event: error\ndata: {"error":{"message":"no","code":"rate_limit_exceeded","status_code":429}}\n\n${say('b')}`,
    )
    expect(good).toBe(false)
    expect(seen.error).toMatchObject({
      code: 'rate_limit_exceeded',
      status: 200,
      providerCode: 'rate_limit_exceeded',
    })
    const answer = readGatewayStream(text)
    expect(answer).toMatchObject({
      done: false,
      error: { code: 429, metadata: { error_type: 'rate_limit_exceeded' } },
    })
    expect(answer.choices[0]).toMatchObject({ text: 'a', finish: 'error' })
  })

  test('takes an error finish for an error', () => {
    expect(send(say('a') + delta('', '"finish_reason":"network_error"')).seen).toMatchObject({
      finish: null,
      error: { code: 'provider_unavailable', providerCode: 'network_error' },
    })
  })

  test('reads usage from many chunks as the last one, none from a prompt count alone', () => {
    const usage = (tokens: number | null) =>
      frame(
        `"choices":[{"index":0,"delta":{"content":"x"}}],"usage":{"prompt_tokens":2,"completion_tokens":${tokens}}`,
      )
    expect(send(usage(null)).seen.usage).toBeNull()
    expect(send(usage(1) + usage(9)).seen.usage).toMatchObject({ promptTokens: 2, completionTokens: 9 })
  })

  test('skips one event that is not JSON and refuses a second', () => {
    expect(send(`data: {oops\n\n${say('a')}${FINISH}`).good).toBe(true)
    const pipe = new StreamPassthrough(meta)
    const out = Buffer.from(pipe.push(Buffer.from(`${say('a')}data: {oops\n\ndata: {oops\n\n`))!).toString()
    expect(pipe.seen.error).toMatchObject({
      code: 'provider_protocol',
      message: expect.stringMatching(/not JSON/),
    })
    // What came before is no less good for it.
    expect(out).toContain('"content":"a"')
  })

  test('refuses an event beyond the limit, complete or not', () => {
    const long = `data: {"x":"${'y'.repeat(MAX_FRAME_BYTES)}"}\n\n`
    const pipe = new StreamPassthrough(meta)
    expect(pipe.push(Buffer.from(long))).toBeNull()
    expect(pipe.seen.error?.code).toBe('provider_protocol')
    expect(() => send(long.trimEnd(), { pieces: (bytes) => rechunk(bytes, 1, 100_000) })).toThrow(
      GatewayError,
    )
    expect(
      send(long, { pipe: new StreamPassthrough({ ...meta, maxFrameBytes: 2 * MAX_FRAME_BYTES }) }).good,
    ).toBe(false)
  })

  test('counts bytes of text, reasoning and arguments', () => {
    const { seen } = send(
      say('é\n') +
        say('é\n') +
        delta('"reasoning":"ab"') +
        delta('"tool_calls":[{"index":0,"id":"x","function":{"name":"f","arguments":"{}"}}]'),
    )
    expect(seen.outputBytes).toBe(3 + 3 + 2 + 2)
  })

  test('takes a plain JSON body where a stream was asked for', () => {
    const body =
      '{"id":"up","choices":[{"index":0,"message":{"role":"assistant","content":"whole"},"finish_reason":"stop"}]}'
    expect(readGatewayStream(send(body).text).choices[0]).toMatchObject({ text: 'whole', finish: 'stop' })
    expect(send('{"error":{"message":"bad key","code":401}}').seen.error).toMatchObject({
      code: 'provider_auth',
    })
  })
})

describe('the fast lane', () => {
  /** What clients see, and what was seen: equal for both lanes. */
  function lanes(text: string, pieces: (bytes: Buffer) => readonly Uint8Array[]) {
    return [true, false].map((fastLane) => {
      const { text: out, seen } = send(text, { pieces, pipe: new StreamPassthrough(meta, { fastLane }) })
      return { chunks: sseData(out).map((data) => (data === '[DONE]' ? data : JSON.parse(data))), seen }
    })
  }

  test('is learnt from a plain frame and used for the next', () => {
    let parsed = 0
    const original = JSON.parse
    JSON.parse = (...args) => {
      parsed++
      return original(...args)
    }
    try {
      const pipe = new StreamPassthrough(meta)
      pipe.push(Buffer.from(say('a')))
      parsed = 0
      for (const word of ['b', 'é 🚀', '\n\\"', '{"error":1}']) pipe.push(Buffer.from(say(word)))
      expect(parsed).toBe(0)
    } finally {
      JSON.parse = original
    }
  })

  test.each([
    ['a duplicate key', '"content":"a","content":"SECRET"'],
    ['an escaped duplicate key', '"content":"a","con\\u0074ent":"b"'],
    ['a text that looks like a key', '"content":"\\"content\\":\\"x\\""'],
    ['odd white space', ' "content" : "a" '],
    ['an escape of the kind \\u', '"content":"\\u00e9\\ud83d\\ude80"'],
    ['two texts', '"content":"a","reasoning":"b"'],
    ['a role beside', '"role":"assistant","content":"a"'],
    [
      'padding of changing length',
      '"content":"a"},"finish_reason":null}],"obfuscation":"xyz","z":[{"y":{"content2":""',
    ],
  ])('does what the slow lane does with %s', (_, fields) => {
    const text =
      say('a') + delta(fields) + delta(fields.replaceAll('a', 'b')) + say('c') + delta(fields) + FINISH + DONE
    const [fast, slow] = lanes(text, (bytes) => [bytes])
    expect(fast).toEqual(slow)
  })

  test('equals the slow lane on every recorded stream at random cuts', () => {
    const streams = recordedCases().filter(
      ({ request, response }) =>
        response.kind === 'sse' && /chat\/completions|v1\/chat$/.test(request.url_path ?? ''),
    )
    for (const [i, recorded] of streams.entries()) {
      const [fast, slow] = lanes(responseBytes(recorded).toString(), (bytes) => rechunk(bytes, i, 500))
      expect(fast, recorded.id).toEqual(slow)
    }
  })

  const words = fc.array(
    fc.oneof(
      fc.string({ unit: 'grapheme', maxLength: 8 }),
      fc.constantFrom('"', '\\', '\n', ' the', '"error":', 'data: [DONE]\n\n'),
    ),
    { maxLength: 12 },
  )
  const fields = fc.constantFrom('content', 'reasoning', 'reasoning_content')

  test('equals the slow lane on any words in any fields, split anywhere', () => {
    const token = fc.tuple(fields, fc.string({ unit: 'grapheme', maxLength: 6 }))
    fc.assert(
      fc.property(fc.array(token, { maxLength: 15 }), fc.nat(), fc.boolean(), (tokens, seed, padded) => {
        const text = tokens
          .map(([key, word], i) =>
            frame(
              `"choices":[{"index":0,"delta":{"${key}":${JSON.stringify(word)}}}]${padded ? `,"p":"${'x'.repeat(i)}"` : ''}`,
            ),
          )
          .join('')
        const [fast, slow] = lanes(text + FINISH + USAGE + DONE, (bytes) => rechunk(bytes, seed, 60))
        expect(fast).toEqual(slow)
      }),
      { numRuns: 150 },
    )
  })

  test('gives the same bytes in sum whatever the cut', () => {
    fc.assert(
      fc.property(words, fc.nat(), (spoken, seed) => {
        const text = spoken.map(say).join('') + FINISH + USAGE + DONE
        const whole = send(text)
        const split = send(text, { pieces: (bytes) => rechunk(bytes, seed, 30) })
        expect(split.text).toBe(whole.text)
        expect(split.seen).toEqual(whole.seen)
        expect(readGatewayStream(split.text).choices[0]!.text).toBe(spoken.join(''))
      }),
      { numRuns: 150 },
    )
  })

  test('ends a stream that is cut anywhere in exactly one finish or one error', () => {
    const bytes = Buffer.from(say('Grü') + say('ße') + FINISH + USAGE + DONE)
    for (let cut = 0; cut <= bytes.length; cut++) {
      const pipe = new StreamPassthrough(meta)
      const head = pipe.push(bytes.subarray(0, cut)) ?? new Uint8Array(0)
      pipe.end()
      const good = pipe.seen.finish !== null
      const tail = good
        ? pipe.finish(NO_USAGE, cost)
        : pipe.fail(new GatewayError('provider_cut', 'cut'), null, null)
      const answer = readGatewayStream(Buffer.concat([head, tail]).toString())
      expect(answer.choices[0]!.finish).toBe(good ? 'stop' : 'error')
      expect(answer.done).toBe(good)
    }
  })
})

describe('a whole reply of the same dialect', () => {
  const reply = {
    id: 'up',
    model: 'm',
    created: 1,
    service_tier: 'default',
    choices: [
      {
        index: 0,
        message: { role: 'assistant', content: 'hi', reasoning_content: 'hm' },
        finish_reason: 'stop',
      },
    ],
    usage: { prompt_tokens: 1, completion_tokens: 2, total_tokens: 3, cost: 9 },
  }

  test('is let go only by the settle, in our name, with our cost', () => {
    const pipe = new WholePassthrough(meta)
    for (const piece of everyByte(Buffer.from(JSON.stringify(reply)))) expect(pipe.push(piece)).toBeNull()
    pipe.end()
    expect(pipe.seen).toMatchObject({
      content: true,
      done: true,
      outputBytes: 4,
      finish: { reason: 'stop' },
      usage: { promptTokens: 1 },
    })
    const body = JSON.parse(Buffer.from(pipe.finish(pipe.seen.usage!, cost)).toString())
    expect(body).toMatchObject({
      id: 'gen-1-Ab',
      object: 'chat.completion',
      created: 5,
      provider: 'Pröv',
      system_fingerprint: null,
      service_tier: 'default',
      usage: { cost: 1.500000065 },
    })
    expect(readGatewayReply(body).choices[0]).toMatchObject({
      text: 'hi',
      reasoning: 'hm',
      finish: 'stop',
      native: 'stop',
    })
  })

  test('that is cut or is none leaves the finish open; an error body is an error', () => {
    const seen = (text: string) => {
      const pipe = new WholePassthrough(meta)
      pipe.push(Buffer.from(text))
      pipe.end()
      return pipe.seen
    }
    expect(seen(JSON.stringify(reply).slice(0, -9))).toMatchObject({ finish: null, error: null })
    expect(seen('<html>')).toMatchObject({ finish: null, error: null })
    expect(seen('{"error":{"message":"x","code":503}}')).toMatchObject({
      error: { code: 'provider_overloaded' },
    })
  })

  test('that broke off keeps what was produced, under an error', () => {
    const pipe = new WholePassthrough(meta)
    const broken = {
      ...reply,
      choices: [{ ...reply.choices[0], finish_reason: 'error', error: { code: 502, message: 'gone' } }],
    }
    pipe.push(Buffer.from(JSON.stringify(broken)))
    pipe.end()
    const body = JSON.parse(
      Buffer.from(pipe.fail(new GatewayError('provider_unavailable', 'gone'), null, null)).toString(),
    )
    expect(body.choices[0]).toMatchObject({
      finish_reason: 'error',
      message: { content: 'hi' },
      error: { code: 502, message: 'gone' },
    })
  })
})
