import { type Access, CITY_SCHEMA, type Client, conform, WEATHER_SCHEMA } from './cases.ts'
import { clientsMissing, type Loose, load } from './install.ts'

/** `modelAt` gives a model of one of the SDK's provider packages. */
async function aiSdk(modelAt: (at: Access) => Loose): Promise<Client> {
  const { generateText, streamText, Output, tool, jsonSchema, isStepCount, APICallError } = await load('ai')
  Object.assign(globalThis, { AI_SDK_LOG_WARNINGS: false })
  const asked = (at: Access) => ({ model: modelAt(at), maxRetries: 0 })
  return {
    plain: async (at, prompt) => (await generateText({ ...asked(at), prompt })).text,
    async *streamed(at, prompt, signal) {
      const { fullStream } = streamText({ ...asked(at), prompt, abortSignal: signal, onError: () => {} })
      for await (const part of fullStream) {
        if (part.type === 'text-delta') yield part.text
        if (part.type === 'error') throw part.error
        // `@ai-sdk/openai` overlooks an error beside choices; the finish reason is what it tells.
        if (part.type === 'finish' && part.rawFinishReason === 'error') throw new Error('it failed')
      }
    },
    withTool: async (at, prompt, run) => {
      const weather = tool({
        description: 'The weather',
        inputSchema: jsonSchema(WEATHER_SCHEMA),
        execute: async (input: unknown) => run(input),
      })
      const { textStream } = streamText({
        ...asked(at),
        prompt,
        tools: { weather },
        stopWhen: isStepCount(3),
      })
      let text = ''
      for await (const piece of textStream) text += piece
      return text
    },
    structured: async (at, prompt) => {
      const output = Output.object({ schema: jsonSchema(CITY_SCHEMA), name: 'city' })
      return (await generateText({ ...asked(at), prompt, output })).output
    },
    withImage: async (at, prompt, png) => {
      const image = { type: 'file', data: png, mediaType: 'image/png' }
      const messages = [{ role: 'user', content: [{ type: 'text', text: prompt }, image] }]
      return (await generateText({ ...asked(at), messages })).text
    },
    statusOf: (error) => APICallError.isInstance(error) && (error as Loose).statusCode,
  }
}

async function compatible(): Promise<Client> {
  const { createOpenAICompatible } = await load('@ai-sdk/openai-compatible')
  return aiSdk(({ url, key, model }) => {
    const settings = { name: 'waybill', baseURL: `${url}/api/v1`, apiKey: key }
    return createOpenAICompatible({ ...settings, supportsStructuredOutputs: true })(model)
  })
}

async function openai(api: 'chat' | 'responses'): Promise<Client> {
  const { createOpenAI } = await load('@ai-sdk/openai')
  return aiSdk(({ url, key, model }) => createOpenAI({ baseURL: `${url}/api/v1`, apiKey: key })[api](model))
}

async function anthropic(): Promise<Client> {
  const { createAnthropic } = await load('@ai-sdk/anthropic')
  return aiSdk(({ url, key, model }) => createAnthropic({ baseURL: `${url}/api/v1`, apiKey: key })(model))
}

async function openrouter(): Promise<Client> {
  const { createOpenRouter } = await load('@openrouter/ai-sdk-provider')
  return aiSdk(({ url, key, model }) => createOpenRouter({ baseURL: `${url}/api/v1`, apiKey: key })(model))
}

conform(await clientsMissing(), {
  'ai 7, @ai-sdk/openai-compatible': compatible,
  'ai 7, @ai-sdk/openai, Chat Completions': () => openai('chat'),
  'ai 7, @ai-sdk/openai, Responses': () => openai('responses'),
  'ai 7, @ai-sdk/anthropic': anthropic,
  'ai 7, @openrouter/ai-sdk-provider': openrouter,
})
