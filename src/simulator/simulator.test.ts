import { setTimeout as sleep } from 'node:timers/promises'
import { describe, expect, test } from 'vitest'
import { instanceOf } from './instance.ts'
import { SIMULATED_MODELS } from './models.ts'
import { createSimulator, type SimulatedFault, type SimulatedHandler, type Simulator } from './simulator.ts'
import { estimateTokens, lorem, tokensOf } from './text.ts'

/** Timers whose time is only told: they fire in order as fast as they can, and keep how much time went by. */
class FastTimers {
  elapsed = 0
  setTimeout(callback: () => void, ms: number): unknown {
    return setImmediate(() => {
      this.elapsed += ms
      callback()
    })
  }
  clearTimeout(handle: unknown): void {
    clearImmediate(handle as NodeJS.Immediate)
  }
}

function make(): { simulator: Simulator; timers: FastTimers } {
  const timers = new FastTimers()
  return { simulator: createSimulator({ clock: { now: () => 1_790_000_000_123 }, timers }), timers }
}

class Recorded implements SimulatedHandler {
  status = 0
  header: (name: string) => string | undefined = () => undefined
  chunks: string[] = []
  ended = false
  error: SimulatedFault | null = null
  accept = true
  readonly done = Promise.withResolvers<void>()

  onHead(status: number, header: (name: string) => string | undefined): void {
    this.status = status
    this.header = header
  }
  onData(chunk: Buffer): boolean {
    this.chunks.push(chunk.toString())
    return this.accept
  }
  onEnd(): void {
    this.ended = true
    this.done.resolve()
  }
  onError(error: SimulatedFault): void {
    this.error = error
    this.done.resolve()
  }
  get text(): string {
    return this.chunks.join('')
  }
}

interface Chunk {
  id: string
  model: string
  choices: {
    delta: {
      content?: string
      reasoning_content?: string
      refusal?: string
      tool_calls?: { id?: string; function: { name?: string; arguments: string } }[]
    }
    finish_reason: string | null
  }[]
  usage?: {
    prompt_tokens: number
    completion_tokens: number
    completion_tokens_details: { reasoning_tokens: number }
  }
}

interface Message {
  content: string | null
  reasoning_content?: string
  refusal?: string
  tool_calls?: { id: string; function: { name: string; arguments: string } }[]
}

interface Reply {
  id: string
  choices: [{ message: Message; finish_reason: string }]
  usage: { prompt_tokens: number; completion_tokens: number; total_tokens: number }
  error?: { message: string; code: string }
}

const hi = [{ role: 'user', content: 'Hello there, how are you?' }]

function body(model: string, more: object = {}): string {
  return JSON.stringify({ model: `sim/${model}`, messages: hi, ...more })
}

async function send(text: string, simulator = make().simulator): Promise<Recorded> {
  const recorded = new Recorded()
  simulator.send({ path: '/v1/chat/completions', body: text }, recorded)
  await recorded.done.promise
  return recorded
}

async function reply(model: string, more: object = {}): Promise<Reply> {
  return JSON.parse((await send(body(model, more))).text) as Reply
}

/** The chunks of a stream without its end mark, which must be there. */
function chunksOf(recorded: Recorded): Chunk[] {
  const events = recorded.text.trimEnd().split('\n\n')
  expect(events.pop()).toBe('data: [DONE]')
  return events.map((event) => JSON.parse(event.slice('data: '.length)) as Chunk)
}

async function stream(model: string, more: object = {}): Promise<Chunk[]> {
  return chunksOf(await send(body(model, { stream: true, ...more })))
}

function textOf(chunks: Chunk[], field: 'content' | 'reasoning_content' | 'refusal' = 'content'): string {
  return chunks.map((chunk) => chunk.choices[0]?.delta[field] ?? '').join('')
}

describe('sim/echo', () => {
  test('repeats the last user message behind a marker', async () => {
    const { choices, usage } = await reply('echo')
    expect(choices[0]).toMatchObject({
      message: { content: '[simulated] Hello there, how are you?' },
      finish_reason: 'stop',
    })
    expect(usage.total_tokens).toBe(usage.prompt_tokens + usage.completion_tokens)
    expect(usage.completion_tokens).toBe(tokensOf('[simulated] Hello there, how are you?').length)
  })

  test('streams the same text, with usage only when asked, marked in a header', async () => {
    const recorded = await send(body('echo', { stream: true, stream_options: { include_usage: true } }))
    const chunks = chunksOf(recorded)
    expect(recorded.header('content-type')).toBe('text/event-stream')
    expect(recorded.header('x-waybill-simulated')).toBe('true')
    expect(textOf(chunks)).toBe('[simulated] Hello there, how are you?')
    expect(chunks.at(-1)!.usage).toEqual((await reply('echo')).usage)
    expect(chunks.at(-2)!.choices[0]!.finish_reason).toBe('stop')
    expect((await stream('echo')).every((chunk) => chunk.usage === undefined)).toBe(true)
  })

  test('answers the same request with the same bytes', async () => {
    const first = await send(body('echo', { stream: true }))
    expect((await send(body('echo', { stream: true }))).text).toBe(first.text)
    expect(
      (await send(body('echo', { stream: true, messages: [{ role: 'user', content: 'x' }] }))).text,
    ).not.toBe(first.text)
  })

  test('honours max_tokens and stop', async () => {
    const short = await reply('echo', { max_tokens: 3 })
    expect(short.choices[0]).toMatchObject({
      message: { content: tokensOf('[simulated] Hello').slice(0, 3).join('') },
      finish_reason: 'length',
    })
    expect(short.usage.completion_tokens).toBe(3)
    const stopped = await reply('echo', { stop: [', how'] })
    expect(stopped.choices[0]).toMatchObject({
      message: { content: '[simulated] Hello there' },
      finish_reason: 'stop',
    })
    expect((await reply('echo', { max_completion_tokens: 1 })).usage.completion_tokens).toBe(1)
  })

  test('names the parts of a message that are no text', async () => {
    const content = [
      { type: 'text', text: 'look' },
      { type: 'image_url', image_url: { url: 'data:,' } },
    ]
    const { choices } = await reply('echo', { messages: [{ role: 'user', content }] })
    expect(choices[0].message.content).toBe('[simulated] look\n[image_url]')
  })

  test('never cuts a character in two', async () => {
    const said = '👩‍👩‍👧 naïve 漢字漢字漢字漢字'.repeat(20)
    expect(textOf(await stream('echo', { messages: [{ role: 'user', content: said }] }))).toBe(
      `[simulated] ${said}`,
    )
  })

  test('streams a long text in about ten seconds, not in its length', async () => {
    const { simulator, timers } = make()
    const messages = [{ role: 'user', content: 'word '.repeat(10_000) }]
    const recorded = await send(body('echo', { stream: true, messages }), simulator)
    expect(textOf(chunksOf(recorded)).length).toBeGreaterThan(49_000)
    expect(timers.elapsed).toBeLessThan(11_000)
  })
})

describe('the other models', () => {
  test('sim/lorem-500 answers exactly 500 tokens', async () => {
    const { choices, usage } = await reply('lorem-500')
    expect(usage.completion_tokens).toBe(500)
    expect(choices[0].message.content).toMatch(/^\[simulated\] lorem ipsum/)
    expect((await stream('lorem-500')).filter((chunk) => chunk.choices[0]?.delta.content).length).toBe(500)
  })

  test('sim/slow-ttft-3s is silent for three seconds after its head', async () => {
    const { simulator, timers } = make()
    await send(body('slow-ttft-3s'), simulator)
    expect(timers.elapsed).toBeGreaterThanOrEqual(3_000)
    expect(timers.elapsed).toBeLessThan(3_100)
  })

  test('sim/rate-limited is a 429 with Retry-After', async () => {
    const recorded = await send(body('rate-limited', { stream: true }))
    expect(recorded).toMatchObject({ status: 429, ended: true })
    expect(recorded.header('retry-after')).toBe('7')
    expect(JSON.parse(recorded.text)).toMatchObject({ error: { code: 'rate_limit_exceeded' } })
  })

  test('sim/overloaded-then-ok refuses the first try of each conversation and answers the second', async () => {
    const { simulator } = make()
    const other = body('overloaded-then-ok', { messages: [{ role: 'user', content: 'other' }] })
    expect((await send(body('overloaded-then-ok'), simulator)).status).toBe(503)
    expect((await send(other, simulator)).status).toBe(503)
    expect((await send(body('overloaded-then-ok'), simulator)).status).toBe(200)
    expect((await send(other, simulator)).status).toBe(200)
    expect((await send(other, simulator)).status).toBe(503)
  })

  test('sim/cut-mid-stream breaks the connection after half of its text, with neither finish nor end mark', async () => {
    const recorded = await send(body('cut-mid-stream', { stream: true }))
    expect(recorded).toMatchObject({ status: 200, ended: false })
    expect(recorded.error).toMatchObject({ fault: 'reset', name: 'TransportError' })
    expect(recorded.text).not.toContain('[DONE]')
    expect(recorded.text).not.toContain('"finish_reason":"')
    expect(recorded.text.match(/"content":"[^"]/g)).toHaveLength(30)
    const whole = await send(body('cut-mid-stream'))
    expect(whole.error?.fault).toBe('reset')
    expect(() => JSON.parse(whole.text)).toThrow()
  })

  test('sim/context-overflow, and any prompt beyond the context, is a 400 that says so', async () => {
    const recorded = await send(body('context-overflow'))
    expect(recorded.status).toBe(400)
    expect(JSON.parse(recorded.text)).toMatchObject({ error: { code: 'context_length_exceeded' } })
    const long = await send(body('echo', { messages: [{ role: 'user', content: 'x'.repeat(600_000) }] }))
    expect(JSON.parse(long.text)).toMatchObject({ error: { code: 'context_length_exceeded' } })
  })

  const tools = [
    {
      type: 'function',
      function: {
        name: 'weather',
        parameters: {
          type: 'object',
          properties: { city: { type: 'string' }, days: { type: 'integer', minimum: 3 } },
        },
      },
    },
    { type: 'function', function: { name: 'time' } },
  ]

  test('sim/tool-call calls the first tool with arguments that fit, streamed and whole', async () => {
    const { choices } = await reply('tool-call', { tools })
    expect(choices[0].finish_reason).toBe('tool_calls')
    const [call] = choices[0].message.tool_calls!
    expect(call!.function.name).toBe('weather')
    expect(JSON.parse(call!.function.arguments)).toEqual({ city: '[simulated]', days: 3 })
    const deltas = (await stream('tool-call', { tools })).flatMap(
      (chunk) => chunk.choices[0]?.delta.tool_calls ?? [],
    )
    expect(deltas.length).toBeGreaterThan(2)
    expect(deltas[0]).toMatchObject({ id: call!.id, function: { name: 'weather', arguments: '' } })
    expect(deltas.map((delta) => delta.function.arguments).join('')).toBe(call!.function.arguments)
  })

  test('sim/tool-call obeys tool_choice, reports the result of a tool, and explains itself without tools', async () => {
    const chosen = await reply('tool-call', {
      tools,
      tool_choice: { type: 'function', function: { name: 'time' } },
    })
    expect(chosen.choices[0].message.tool_calls![0]!.function).toEqual({ name: 'time', arguments: '{}' })
    const after = await reply('tool-call', {
      tools,
      messages: [...hi, { role: 'tool', tool_call_id: 'x', content: '21 °C' }],
    })
    expect(after.choices[0].message.content).toBe('[simulated] The tool said: 21 °C')
    expect((await reply('tool-call', { tools, tool_choice: 'none' })).choices[0].finish_reason).toBe('stop')
    expect((await reply('tool-call')).choices[0].message.content).toContain('Send tools')
  })

  test('sim/json-schema answers with an instance of the schema', async () => {
    const schema = {
      type: 'object',
      properties: {
        name: { type: 'string' },
        kind: { enum: ['b', 'a'] },
        tags: { type: 'array', items: { $ref: '#/$defs/tag' }, minItems: 2 },
      },
      required: ['name', 'kind', 'tags'],
      $defs: { tag: { type: 'string', maxLength: 4 } },
    }
    const response_format = { type: 'json_schema', json_schema: { name: 'x', schema } }
    const { choices } = await reply('json-schema', { response_format })
    expect(JSON.parse(choices[0].message.content!)).toEqual({
      name: '[simulated]',
      kind: 'b',
      tags: ['[sim', '[sim'],
    })
    const free = await reply('json-schema', { response_format: { type: 'json_object' } })
    expect(JSON.parse(free.choices[0].message.content!)).toEqual({ simulated: true })
  })

  test('sim/reasoning thinks before it answers, and counts its thoughts', async () => {
    const chunks = await stream('reasoning', { stream_options: { include_usage: true } })
    const thought = textOf(chunks, 'reasoning_content')
    expect(thought).toContain('The user said 25 characters')
    expect(textOf(chunks)).toBe('[simulated] Hello there, how are you?')
    expect(chunks.at(-1)!.usage!.completion_tokens_details.reasoning_tokens).toBe(tokensOf(thought).length)
    expect((await reply('reasoning')).choices[0].message.reasoning_content).toBe(thought)
    const short = await reply('reasoning', { max_tokens: 4 })
    expect(short.choices[0]).toMatchObject({ finish_reason: 'length', message: { content: null } })
  })

  test('sim/expensive uses up a limit of $20 in three calls', () => {
    const { tariff } = SIMULATED_MODELS.find((model) => model.id === 'sim/expensive')!
    const nano = tariff.request / 1_000n
    expect(nano * 3n <= 20_000_000_000n && nano * 4n > 20_000_000_000n).toBe(true)
  })

  test('sim/refusal declines in the refusal field', async () => {
    const { choices } = await reply('refusal')
    expect(choices[0].message).toMatchObject({
      content: null,
      refusal: "[simulated] I can't help with that.",
    })
    expect(textOf(await stream('refusal'), 'refusal')).toBe("[simulated] I can't help with that.")
  })

  test('each model of the list answers something, and its text is marked', async () => {
    expect(SIMULATED_MODELS).toHaveLength(12)
    for (const { behaviour, id, tariff, simulated } of SIMULATED_MODELS) {
      const recorded = await send(body(behaviour))
      expect(recorded.text, id).toContain('[simulated]')
      expect(recorded.header('x-waybill-simulated')).toBe('true')
      expect(simulated && tariff.prompt > 0n && id.startsWith('sim/')).toBe(true)
    }
  })

  test('an unknown model, another path and a body that is no JSON are clean errors', async () => {
    expect((await send(body('nobody'))).status).toBe(404)
    expect((await send('{')).status).toBe(400)
    expect((await send(body('echo', { messages: [] }))).status).toBe(400)
    const recorded = new Recorded()
    make().simulator.send({ path: '/v1/embeddings', body: '{}' }, recorded)
    await recorded.done.promise
    expect(recorded.status).toBe(404)
  })
})

describe('as a transport', () => {
  test('calls back only after send has returned', async () => {
    const recorded = new Recorded()
    make().simulator.send({ path: '/chat/completions', body: Buffer.from(body('echo')) }, recorded)
    expect(recorded.status).toBe(0)
    await recorded.done.promise
    expect(recorded.status).toBe(200)
  })

  test('waits while the reader is slow, and goes on where it stopped', async () => {
    const recorded = new Recorded()
    recorded.accept = false
    const call = make().simulator.send(
      { path: '/chat/completions', body: body('echo', { stream: true }) },
      recorded,
    )
    await sleep(20)
    expect(recorded.chunks).toHaveLength(1)
    call.resume()
    await sleep(20)
    expect(recorded.chunks).toHaveLength(2)
    recorded.accept = true
    call.resume()
    await recorded.done.promise
    expect(textOf(chunksOf(recorded))).toBe('[simulated] Hello there, how are you?')
  })

  test('an abort ends it at once, also from inside a callback', async () => {
    const { simulator } = make()
    const first = new Recorded()
    simulator.send({ path: '/chat/completions', body: body('echo') }, first).abort()
    const second = new Recorded()
    const call = simulator.send({ path: '/chat/completions', body: body('echo', { stream: true }) }, second)
    second.onData = (chunk) => {
      second.chunks.push(chunk.toString())
      call.abort()
      return true
    }
    await sleep(20)
    expect(first).toMatchObject({ status: 0, ended: false, error: null })
    expect(second).toMatchObject({ ended: false, error: null })
    expect(second.chunks).toHaveLength(1)
  })

  test('a close breaks off what runs and refuses what comes', async () => {
    const { simulator } = make()
    const running = new Recorded()
    running.accept = false
    simulator.send({ path: '/chat/completions', body: body('echo', { stream: true }) }, running)
    await sleep(20)
    await simulator.close()
    await running.done.promise
    expect(running.error?.fault).toBe('closed')
    expect((await send(body('echo'), simulator)).error?.fault).toBe('closed')
  })
})

describe('instances of schemas', () => {
  test.each([
    [{ type: 'integer', exclusiveMinimum: 4 }, 5],
    [{ type: 'number', maximum: 0.5 }, 0.5],
    [{ type: 'integer', minimum: 4, multipleOf: 5 }, 5],
    [{ type: ['string', 'null'], format: 'date' }, '2026-01-01'],
    [{ const: null }, null],
    [{ anyOf: [{ type: 'boolean' }, { type: 'null' }] }, true],
    [{ allOf: [{ properties: { a: { const: 1 } } }, { properties: { b: { const: 2 } } }] }, { a: 1, b: 2 }],
    [{ type: 'array', prefixItems: [{ const: 1 }, { const: 2 }] }, [1, 2]],
    [{ type: 'string', minLength: 14 }, '[simulated]...'],
    [{ anyOf: [{ $ref: '#' }] }, null],
    [JSON.parse('{"properties":{"__proto__":{"const":1}}}'), JSON.parse('{"__proto__":1}')],
    ['nonsense', '[simulated]'],
  ])('%j → %j', (schema, value) => {
    expect(JSON.parse(JSON.stringify(instanceOf(schema)))).toEqual(value)
  })

  test('a schema that refers to itself comes to an end', () => {
    const node = {
      type: 'object',
      properties: { value: { type: 'string' }, next: { anyOf: [{ $ref: '#' }, { type: 'null' }] } },
      required: ['value', 'next'],
    }
    expect(JSON.stringify(instanceOf(node)).length).toBeLessThan(2_000)
    const endless = { type: 'object', properties: { next: { $ref: '#' } }, required: ['next'] }
    expect(JSON.stringify(instanceOf(endless)).length).toBeLessThan(1_000)
    const wide = {
      type: 'object',
      properties: Object.fromEntries('abcd'.split('').map((k) => [k, { $ref: '#' }])),
      required: [...'abcd'],
    }
    expect(JSON.stringify(instanceOf(wide)).length).toBeLessThan(200_000)
  })
})

test('filler and tokens are exact', () => {
  expect(lorem(500)).toHaveLength(500)
  expect(tokensOf('  a  bcdefghij\n').join('')).toBe('  a  bcdefghij\n')
  expect(estimateTokens('é'.repeat(4))).toBe(2)
})
