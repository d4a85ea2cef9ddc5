import { type Access, CITY_SCHEMA, type Client, conform, WEATHER_SCHEMA } from './cases.ts'
import { clientsMissing, type Loose, load } from './install.ts'

async function llamaindex(): Promise<Client> {
  const { OpenAI } = await load('@llamaindex/openai')
  const { extractText, tool } = await load('llamaindex')
  const llm = ({ url, key, model }: Access, signal?: AbortSignal) => {
    // Its calls take no signal; the client of OpenAI underneath does.
    const additionalSessionOptions = { fetchOptions: { signal } }
    const settings = { model, apiKey: key, baseURL: `${url}/api/v1`, maxRetries: 0 }
    return new OpenAI({ ...settings, additionalSessionOptions })
  }
  const user = (content: unknown): Loose[] => [{ role: 'user', content }]
  const textOf = (reply: Loose): string => extractText(reply.message.content)
  return {
    plain: async (at, prompt) => textOf(await llm(at).chat({ messages: user(prompt) })),
    async *streamed(at, prompt, signal) {
      for await (const chunk of await llm(at, signal).chat({ messages: user(prompt), stream: true }))
        yield chunk.delta
    },
    withTool: async (at, prompt, run) => {
      const about = { name: 'weather', description: 'The weather', parameters: WEATHER_SCHEMA }
      const tools = [tool({ ...about, execute: run })]
      const messages = user(prompt)
      const { message } = await llm(at).chat({ messages, tools })
      messages.push(message)
      for (const { id, input } of message.options.toolCall) {
        const given = typeof input === 'string' ? JSON.parse(input) : input
        const result = run(given)
        messages.push({
          role: 'user',
          content: result,
          options: { toolResult: { id, result, isError: false } },
        })
      }
      return textOf(await llm(at).chat({ messages, tools }))
    },
    structured: async (at, prompt) => {
      const json_schema = { name: 'city', strict: true, schema: CITY_SCHEMA }
      const responseFormat = { type: 'json_schema', json_schema }
      return JSON.parse(textOf(await llm(at).chat({ messages: user(prompt), responseFormat })))
    },
    withImage: async (at, prompt, png) => {
      const image = { type: 'image_url', image_url: { url: `data:image/png;base64,${png}` } }
      const messages = user([{ type: 'text', text: prompt }, image])
      return textOf(await llm(at).chat({ messages }))
    },
    statusOf: (error) => (error as Loose).status,
  }
}

conform(await clientsMissing(), { llamaindex })
