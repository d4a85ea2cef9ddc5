import { afterAll, beforeAll, describe, expect, it } from 'vitest'
import { vectorOf } from '../upstream/index.ts'
import { startWorld } from './cases.ts'
import { clientsMissing, load } from './install.ts'
import { COUNTED, HELLO, PROMPTS } from './upstreams.ts'

type World = Awaited<ReturnType<typeof startWorld>>

const missing = await clientsMissing()
const INPUTS = ['a', 'some words']
const VECTORS = INPUTS.map((input) => vectorOf(input))
const IDS = ['test/open', 'test/claude']

let world: World
const at = () => ({ baseURL: `${world.gateway.url}/api/v1`, apiKey: world.gateway.key })

describe.skipIf(missing !== undefined)(missing ?? 'beside chat', () => {
  beforeAll(async () => {
    world = await startWorld()
  })
  afterAll(() => world?.stop())

  describe.each(['openai-6', 'openai-7'])('%s', (name) => {
    const client = async () => new (await load(name)).OpenAI({ ...at(), maxRetries: 0 })

    it('embeds', async () => {
      const { data } = await (await client()).embeddings.create({ model: 'test/embed', input: INPUTS })
      expect(data.map((each: { embedding: number[] }) => each.embedding)).toEqual(VECTORS)
    })

    it.each(IDS)('completes text with %s, whole and streamed', async (model) => {
      const { completions } = await client()
      const asked = { model, prompt: PROMPTS.hello, max_tokens: 100 }
      expect((await completions.create(asked)).choices[0].text).toBe(HELLO.join(''))
      let text = ''
      for await (const chunk of await completions.create({ ...asked, stream: true }))
        text += chunk.choices[0]?.text ?? ''
      expect(text).toBe(HELLO.join(''))
    })

    it('lists models and finds one', async () => {
      const { models } = await client()
      const ids: string[] = []
      for await (const { id } of models.list()) ids.push(id)
      expect(ids).toEqual(expect.arrayContaining(IDS))
      expect((await models.retrieve('test/open')).id).toBe('test/open')
      await expect(models.retrieve('test/opne')).rejects.toThrow(/404 .*Did you mean test\/open/)
    })
  })

  describe('@anthropic-ai/sdk', () => {
    const client = async () => {
      const { Anthropic } = await load('@anthropic-ai/sdk')
      return new Anthropic({ ...at(), baseURL: `${world.gateway.url}/api`, maxRetries: 0 })
    }

    it('counts tokens, exactly where the provider counts', async () => {
      const { messages } = await client()
      const asked = { messages: [{ role: 'user', content: PROMPTS.hello }] }
      const exact = await messages.countTokens({ ...asked, model: 'test/claude' })
      expect(exact.input_tokens).toBe(COUNTED)
      const estimated = await messages.countTokens({ ...asked, model: 'test/open' })
      expect(estimated.input_tokens).toBeGreaterThan(0)
    })

    it('lists models and finds one', async () => {
      const { models } = await client()
      const ids: string[] = []
      for await (const { id, type } of models.list()) if (type === 'model') ids.push(id)
      expect(ids).toEqual(expect.arrayContaining(IDS))
      expect((await models.retrieve('test/open')).id).toBe('test/open')
    })
  })

  describe.each(['google-genai-2', 'google-genai-3'])('%s', (name) => {
    const client = async () => {
      const httpOptions = { baseUrl: `${world.gateway.url}/api` }
      return new (await load(name)).GoogleGenAI({ apiKey: world.gateway.key, httpOptions }).models
    }

    it('counts tokens', async () => {
      const { totalTokens } = await (await client()).countTokens({
        model: 'test/open',
        contents: PROMPTS.hello,
      })
      expect(totalTokens).toBeGreaterThan(0)
    })

    it('lists models and finds one', async () => {
      const models = await client()
      const ids: string[] = []
      for await (const model of await models.list()) ids.push(model.name)
      expect(ids).toEqual(expect.arrayContaining(IDS.map((id) => `models/${id}`)))
      expect((await models.get({ model: 'test/open' })).name).toBe('models/test/open')
    })
  })

  it('@openrouter/sdk embeds', async () => {
    const { OpenRouter } = await load('@openrouter/sdk')
    const { baseURL: serverURL, apiKey } = at()
    const { embeddings } = new OpenRouter({ apiKey, serverURL, retryConfig: { strategy: 'none' } })
    const { data } = await embeddings.generate({ requestBody: { model: 'test/embed', input: INPUTS } })
    expect(data.map((each: { embedding: number[] }) => each.embedding)).toEqual(VECTORS)
  })

  it.each([
    ['@ai-sdk/openai-compatible', 'createOpenAICompatible'],
    ['@ai-sdk/openai', 'createOpenAI'],
    ['@openrouter/ai-sdk-provider', 'createOpenRouter'],
  ])('%s embeds', async (name, create) => {
    const { embedMany } = await load('ai')
    const provider = (await load(name))[create]({ name: 'waybill', ...at() })
    const model = provider.textEmbeddingModel('test/embed')
    expect((await embedMany({ model, values: INPUTS, maxRetries: 0 })).embeddings).toEqual(VECTORS)
  })

  it('@langchain/openai embeds', async () => {
    const { OpenAIEmbeddings } = await load('@langchain/openai')
    const { baseURL, apiKey } = at()
    const settings = { model: 'test/embed', apiKey, configuration: { baseURL }, maxRetries: 0 }
    expect(await new OpenAIEmbeddings(settings).embedDocuments(INPUTS)).toEqual(VECTORS)
  })
})
