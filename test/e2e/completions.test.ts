import OpenAI, { APIError } from 'openai'
import { afterAll, beforeAll, describe, expect, it } from 'vitest'
import { type RunningGateway, startGateway } from '../harness/gateway.ts'
import { chat, type FakeUpstream, fakeUpstream, json, sse } from '../upstream/index.ts'

let upstream: FakeUpstream
let gateway: RunningGateway

beforeAll(async () => {
  upstream = await fakeUpstream({ script: chat(['Hel', 'lo']) })
  const price = 'price: { prompt: "1", completion: "1" }'
  gateway = await startGateway({
    config: `
credits: prepaid
providers:
  alpha:
    dialect: openai-chat
    base_url: "${upstream.url}/v1"
    api_key: x
    models: [{ id: test/model, context_length: 8192, max_output: 1024, ${price} }]
  beta:
    dialect: anthropic-messages
    base_url: "${upstream.url}"
    api_key: x
    models: [{ id: test/claude, context_length: 8192, max_output: 1024, ${price} }]
`,
  })
  await gateway.call('POST', '/admin/credits', { amount_usd: 50 }, gateway.operatorKey)
})

afterAll(async () => {
  await gateway?.remove()
  await upstream?.close()
})

const client = () => new OpenAI({ baseURL: `${gateway.url}/api/v1`, apiKey: gateway.key, maxRetries: 0 })
const sent = () => JSON.parse(upstream.requests.at(-1)!.body)
async function all<T>(stream: AsyncIterable<T>): Promise<T[]> {
  const items: T[] = []
  for await (const item of stream) items.push(item)
  return items
}

const post = (body: object) =>
  gateway.call('POST', '/completions', { model: 'test/model', prompt: 'Say hello', ...body })

describe('completions for the official client', () => {
  it('whole, with usage and cost', async () => {
    const reply = await client().completions.create({ model: 'test/model', prompt: 'Say hello' })
    expect(reply).toMatchObject({
      id: expect.stringMatching(/^gen-/),
      object: 'text_completion',
      model: 'test/model',
      provider: 'alpha',
      choices: [{ index: 0, text: 'Hello', logprobs: null, finish_reason: 'stop' }],
      usage: { prompt_tokens: 10, completion_tokens: 3, total_tokens: 13, cost: 0.000013 },
    })
    expect(sent()).toMatchObject({ messages: [{ role: 'user', content: 'Say hello' }] })
  })

  it('streamed, in order, with usage and cost in the last chunk', async () => {
    const stream = await client().completions.create({
      model: 'test/model',
      prompt: ['Say hello'],
      stream: true,
    })
    const chunks = await all(stream)
    for (const chunk of chunks) {
      expect(chunk.object).toBe('text_completion')
      expect(chunk.choices).toHaveLength(1)
    }
    expect(chunks.map(({ choices }) => choices[0]!.text).join('')).toBe('Hello')
    expect(chunks.map(({ choices }) => choices[0]!.finish_reason).filter(Boolean)).toEqual(['stop'])
    expect(chunks.at(-1)!.usage).toMatchObject({ completion_tokens: 2, cost: 0.000012 })
  })

  it('ends its stream with [DONE]', async () => {
    const response = await fetch(`${gateway.url}/api/v1/completions`, {
      method: 'POST',
      headers: { authorization: `Bearer ${gateway.key}` },
      body: JSON.stringify({ model: 'test/model', prompt: 'x', stream: true }),
    })
    expect(response.headers.get('content-type')).toContain('text/event-stream')
    expect((await response.text()).endsWith('data: [DONE]\n\n')).toBe(true)
  })

  it.each([false, true])('repeats the prompt with `echo` (stream: %s)', async (stream) => {
    const asked = { model: 'test/model', prompt: 'Say hello', echo: true }
    const said = stream
      ? (await all(await client().completions.create({ ...asked, stream: true }))).map(
          ({ choices }) => choices[0]!.text,
        )
      : [(await client().completions.create(asked)).choices[0]!.text]
    expect(said.join('')).toBe('Say helloHello')
    expect(sent()).not.toHaveProperty('echo')
  })

  it('log probabilities come in the shape of completions', async () => {
    const token = (text: string, logprob: number) => ({ token: text, logprob, bytes: null })
    const content = [
      { ...token('Hel', -0.5), top_logprobs: [token('Hel', -0.5), token('Hal', -1.5)] },
      { ...token('lo', -0.25), top_logprobs: [token('lo', -0.25)] },
    ]
    const choice = { index: 0, message: { role: 'assistant', content: 'Hello' }, finish_reason: 'stop' }
    upstream.play(
      json(200, {
        id: 'c',
        object: 'chat.completion',
        created: 1,
        model: 'm',
        choices: [{ ...choice, logprobs: { content } }],
        usage: { prompt_tokens: 10, completion_tokens: 2, total_tokens: 12 },
      }),
    )
    const reply = await client().completions.create({ model: 'test/model', prompt: 'x', logprobs: 2 })
    upstream.play(chat(['Hel', 'lo']))
    expect(reply.choices[0]!.logprobs).toEqual({
      tokens: ['Hel', 'lo'],
      token_logprobs: [-0.5, -0.25],
      top_logprobs: [{ Hel: -0.5, Hal: -1.5 }, { lo: -0.25 }],
      text_offset: [0, 3],
    })
  })

  it('a provider of another format answers too', async () => {
    const usage = { input_tokens: 4, output_tokens: 2 }
    const message = { id: 'msg_1', type: 'message', role: 'assistant', model: 'c', stop_reason: 'max_tokens' }
    upstream.play(json(200, { ...message, content: [{ type: 'text', text: 'Hi' }], usage }))
    const reply = await client().completions.create({ model: 'test/claude', prompt: 'x', max_tokens: 2 })
    upstream.play(chat(['Hel', 'lo']))
    expect(reply.choices[0]).toMatchObject({ text: 'Hi', finish_reason: 'length' })
    expect(sent()).toMatchObject({ max_tokens: 2 })
  })
})

describe('what a text completion asks beyond a conversation', () => {
  it.each([
    ['tokens by number', { prompt: [1, 2, 3] }, /send it as text/],
    ['lists of tokens', { prompt: [[1], [2]] }, /send it as text/],
    ['several prompts', { prompt: ['a', 'b'] }, /`n`/],
    ['no prompt', { prompt: null }, /must be a text/],
    ['a suffix', { suffix: ' end' }, /`suffix` is not served/],
    ['best_of beyond n', { best_of: 3 }, /`best_of` is not served beyond `n`/],
    ['log probabilities of the prompt', { echo: true, logprobs: 1 }, /`echo` with `logprobs`/],
    ['too many log probabilities', { logprobs: 20 }, /between 0 and 5/],
    ['messages', { messages: [{ role: 'user', content: 'x' }] }, /chat\/completions/],
    ['tools', { tools: [{ type: 'function', function: { name: 'f' } }] }, /chat\/completions/],
  ])('%s: refused in a sentence, never ignored', async (_, more, sentence) => {
    const { status, body } = await post(more)
    expect(status).toBe(400)
    expect(body.error.message).toMatch(sentence)
    expect(body.error.metadata.param).toBe(Object.keys(more)[0])
  })

  it('best_of as many as n, and an empty suffix, ask for nothing more', async () => {
    expect((await post({ best_of: 1, suffix: '' })).status).toBe(200)
    expect(sent()).not.toHaveProperty('best_of')
    expect(sent()).not.toHaveProperty('suffix')
  })
})

it('an answer that breaks off ends in an error that the client throws', async () => {
  const chunk = { id: 'c', choices: [{ index: 0, delta: { content: 'Hel' }, finish_reason: null }] }
  upstream.play(sse(`data: ${JSON.stringify(chunk)}\n\n`, { ending: 'cut' }))
  const stream = await client().completions.create({ model: 'test/model', prompt: 'x', stream: true })
  let text = ''
  const read = (async () => {
    for await (const { choices } of stream) text += choices[0]!.text
  })()
  await expect(read).rejects.toThrow(APIError)
  expect(text).toBe('Hel')
  upstream.play(chat(['Hel', 'lo']))
})
