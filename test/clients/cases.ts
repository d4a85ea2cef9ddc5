import { setTimeout as sleep } from 'node:timers/promises'
import { afterAll, beforeAll, describe, expect, it } from 'vitest'
import { type RunningGateway, startGateway } from '../harness/gateway.ts'
import { type FakeUpstream, fakeUpstream } from '../upstream/index.ts'
import { CITY, chatProvider, HELLO, IMAGE_ANSWER, messagesProvider, PNG, PROMPTS, WARM } from './upstreams.ts'

/** Where a client goes and as whom. */
export interface Access {
  /** Of the gateway, without a path. */
  readonly url: string
  readonly key: string
  readonly model: string
}

/** One client as its users write it down; retries of its own are off. */
export interface Client {
  /** The text of a whole answer. */
  plain(at: Access, prompt: string): Promise<string>
  /** The text of a stream, piece by piece; throws when the client learns of a failure. */
  streamed(at: Access, prompt: string, signal?: AbortSignal): AsyncIterable<string>
  /** Offers the tool `weather`, answers its call with what `run` says and returns the text of the second answer. */
  withTool(at: Access, prompt: string, run: (input: unknown) => string): Promise<string>
  /** An object of the shape `CITY_SCHEMA`. */
  structured(at: Access, prompt: string): Promise<unknown>
  /** The text of an answer to a question with a PNG in base64. */
  withImage(at: Access, prompt: string, png: string): Promise<string>
  /** The status of the answer that made the client throw. */
  statusOf(error: unknown): unknown
}

export const WEATHER_SCHEMA = {
  type: 'object',
  properties: { city: { type: 'string' } },
  required: ['city'],
  additionalProperties: false,
}

export const CITY_SCHEMA = {
  title: 'city',
  description: 'A city and its temperature',
  type: 'object',
  properties: { city: { type: 'string' }, degrees: { type: 'number' } },
  required: ['city', 'degrees'],
  additionalProperties: false,
}

const TOOL_RESULT = 'sunny and 21'

interface World {
  readonly gateway: RunningGateway
  readonly upstreams: Readonly<Record<string, FakeUpstream>>
  /** A key that may spend next to nothing. */
  readonly poor: string
  stop(): Promise<void>
}

/** Models by the format that their provider speaks. */
const MODELS = { 'openai-chat': 'test/open', 'anthropic-messages': 'test/claude' }

/** A gateway with credit over a provider of each format. */
export async function startWorld(): Promise<World> {
  const upstreams = {
    'openai-chat': await fakeUpstream({ script: chatProvider }),
    'anthropic-messages': await fakeUpstream({ script: messagesProvider }),
  }
  const model = (id: string) =>
    `{ id: ${id}, context_length: 131072, max_output: 8192, price: { prompt: "1", completion: "2" }, capabilities: [tools, structured_outputs, vision] }`
  const gateway = await startGateway({
    config: `
credits: prepaid
providers:
  # A provider of Chat Completions that stops billing when it is left; others are read to their end for the bill.
  friendli:
    base_url: "${upstreams['openai-chat'].url}/v1"
    api_key: x
    models:
      - ${model(MODELS['openai-chat'])}
      - { id: test/embed, context_length: 8192, price: { prompt: "1", completion: "0" }, capabilities: [embeddings] }
  anthropic:
    base_url: "${upstreams['anthropic-messages'].url}"
    api_key: x
    models: [${model(MODELS['anthropic-messages'])}]
`,
  })
  await gateway.call('POST', '/admin/credits', { amount_usd: 50 }, gateway.operatorKey)
  const made = await gateway.call('POST', '/keys', { name: 'poor', limit: 0.000001 }, gateway.operatorKey)
  const stop = async () => {
    await gateway.remove()
    for (const upstream of Object.values(upstreams)) await upstream.close()
  }
  return { gateway, upstreams, poor: made.body.key, stop }
}

/** Tests that every client has to pass, over providers of two formats; `missing`: why there are no clients here. */
export function conform(
  missing: string | undefined,
  clients: Readonly<Record<string, () => Promise<Client>>>,
): void {
  describe.skipIf(missing !== undefined)(missing ?? 'over the gateway', () => {
    let world: World
    beforeAll(async () => {
      world = await startWorld()
    })
    afterAll(() => world?.stop())
    describe.each(Object.entries(clients))('%s', (_, make) => {
      let client: Client
      beforeAll(async () => {
        client = await make()
      })
      describe.each(Object.entries(MODELS))('with a provider of %s', (format, model) => {
        behaviours(
          () => client,
          (key) => ({ url: world.gateway.url, key: key ?? world.gateway.key, model }),
          () => ({ upstream: world.upstreams[format]!, poor: world.poor }),
        )
      })
    })
  })
}

function behaviours(
  client: () => Client,
  at: (key?: string) => Access,
  world: () => { upstream: FakeUpstream; poor: string },
): void {
  it('gets a whole answer', async () => {
    expect(await client().plain(at(), PROMPTS.hello)).toBe(HELLO.join(''))
  })

  it('gets a stream in pieces', async () => {
    const pieces: string[] = []
    for await (const piece of client().streamed(at(), PROMPTS.hello)) if (piece !== '') pieces.push(piece)
    expect(pieces).toEqual(HELLO)
  })

  it('runs a tool and answers with its result', async () => {
    const before = world().upstream.requests.length
    const inputs: unknown[] = []
    const run = (input: unknown) => {
      inputs.push(input)
      return TOOL_RESULT
    }
    expect(await client().withTool(at(), PROMPTS.weather, run)).toBe(WARM.join(''))
    expect(inputs).toEqual([{ city: 'Paris' }])
    const [first, second] = world().upstream.requests.slice(before)
    expect(JSON.parse(first!.body).tools).toHaveLength(1)
    expect(first!.body).toContain('"city"')
    expect(second!.body).toContain(TOOL_RESULT)
    expect(second!.body.match(/call_1|toolu_1/g)).toHaveLength(2)
  })

  it('gets an object of a schema', async () => {
    expect(await client().structured(at(), PROMPTS.city)).toEqual(CITY)
    expect(world().upstream.requests.at(-1)!.body).toContain('"degrees"')
  })

  it('shows an image', async () => {
    expect(await client().withImage(at(), PROMPTS.image, PNG)).toBe(IMAGE_ANSWER.join(''))
  })

  it.each([
    ['a wrong key', 401, () => 'sk-wb-v1-wrong'],
    ['a key without credit', 402, () => world().poor],
  ])('sees the status of %s', async (_, status, key) => {
    const before = world().upstream.requests.length
    const error = await client()
      .plain(at(key()), PROMPTS.hello)
      .then(
        (text) => expect.fail(`it answered ${text}`),
        (thrown: unknown) => thrown,
      )
    expect(client().statusOf(error)).toBe(status)
    expect(world().upstream.requests).toHaveLength(before)
  })

  it('raises when the provider breaks off', async () => {
    let text = ''
    const read = async () => {
      for await (const piece of client().streamed(at(), PROMPTS.cut)) text += piece
    }
    await expect(read()).rejects.toThrow()
    expect(text).toBe('Once upon ')
  })

  it('ends the call to the provider when it aborts', async () => {
    const abort = new AbortController()
    const read = async () => {
      for await (const piece of client().streamed(at(), PROMPTS.endless, abort.signal))
        if (piece !== '') abort.abort()
    }
    // Clients differ in whether the end of an aborted stream is an error.
    await read().catch((error) => {
      if (!abort.signal.aborted) throw error
    })
    const call = world().upstream.requests.at(-1)!
    for (let waited = 0; call.abortedAt === null && waited < 3000; waited += 10) await sleep(10)
    expect(call.abortedAt).not.toBeNull()
  })
}
