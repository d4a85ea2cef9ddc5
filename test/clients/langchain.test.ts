import { type Access, CITY_SCHEMA, type Client, conform, WEATHER_SCHEMA } from './cases.ts'
import { clientsMissing, type Loose, load } from './install.ts'

/** `modelAt` gives a chat model of one of LangChain's packages; `method` is its way to objects of a schema. */
async function langchain(modelAt: (at: Access) => Loose, method = 'jsonSchema'): Promise<Client> {
  const { HumanMessage, ToolMessage } = await load('@langchain/core/messages')
  const { tool } = await load('@langchain/core/tools')
  const human = (content: unknown) => new HumanMessage({ content })
  return {
    plain: async (at, prompt) => (await modelAt(at).invoke(prompt)).text,
    async *streamed(at, prompt, signal) {
      for await (const chunk of await modelAt(at).stream(prompt, { signal })) {
        yield chunk.text
        if (chunk.response_metadata?.finish_reason === 'error')
          throw new Error('the answer ended in an error')
      }
    },
    withTool: async (at, prompt, run) => {
      const schema = { name: 'weather', description: 'The weather', schema: WEATHER_SCHEMA }
      const weather = tool(async (input: unknown) => run(input), schema)
      const model = modelAt(at).bindTools([weather])
      const messages: Loose[] = [human(prompt)]
      const first = await model.invoke(messages)
      messages.push(first)
      for (const call of first.tool_calls) {
        const content = await weather.invoke(call.args)
        messages.push(new ToolMessage({ content, tool_call_id: call.id, name: call.name }))
      }
      return (await model.invoke(messages)).text
    },
    structured: (at, prompt) =>
      modelAt(at).withStructuredOutput(CITY_SCHEMA, { name: 'city', method }).invoke(prompt),
    withImage: async (at, prompt, png) => {
      const image = { type: 'image', source_type: 'base64', mime_type: 'image/png', data: png }
      return (await modelAt(at).invoke([human([{ type: 'text', text: prompt }, image])])).text
    },
    statusOf: (error) => (error as Loose).status ?? (error as Loose).statusCode,
  }
}

async function openai(useResponsesApi: boolean): Promise<Client> {
  const { ChatOpenAI } = await load('@langchain/openai')
  return langchain(({ url, key, model }) => {
    const configuration = { baseURL: `${url}/api/v1` }
    return new ChatOpenAI({ model, apiKey: key, configuration, maxRetries: 0, useResponsesApi })
  })
}

async function anthropic(): Promise<Client> {
  const { ChatAnthropic } = await load('@langchain/anthropic')
  return langchain(({ url, key, model }) => {
    const settings = { model, apiKey: key, anthropicApiUrl: `${url}/api`, maxTokens: 1000 }
    return new ChatAnthropic({ ...settings, maxRetries: 0 })
  })
}

async function openrouter(): Promise<Client> {
  const { ChatOpenRouter } = await load('@langchain/openrouter')
  const modelAt = ({ url, key, model }: Access) =>
    new ChatOpenRouter({ model, apiKey: key, baseURL: `${url}/api/v1`, maxRetries: 0 })
  // It offers schemas to models in a list of its own only.
  return langchain(modelAt, 'functionCalling')
}

conform(await clientsMissing(), {
  '@langchain/openai, Chat Completions': () => openai(false),
  '@langchain/openai, Responses': () => openai(true),
  '@langchain/anthropic': anthropic,
  '@langchain/openrouter': openrouter,
})
