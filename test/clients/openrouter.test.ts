import { type Access, CITY_SCHEMA, type Client, conform, WEATHER_SCHEMA } from './cases.ts'
import { clientsMissing, type Loose, load } from './install.ts'

async function openrouter(): Promise<Client> {
  const { OpenRouter } = await load('@openrouter/sdk')
  const send = ({ url, key, model }: Access, chatRequest: Loose, signal?: AbortSignal) =>
    new OpenRouter({ apiKey: key, serverURL: `${url}/api/v1`, retryConfig: { strategy: 'none' } }).chat.send(
      { chatRequest: { model, ...chatRequest } },
      signal && { signal },
    )
  const user = (content: unknown): Loose[] => [{ role: 'user', content }]
  const textOf = (reply: Loose): string => reply.choices[0].message.content
  return {
    plain: async (at, prompt) => textOf(await send(at, { messages: user(prompt) })),
    async *streamed(at, prompt, signal) {
      for await (const chunk of await send(at, { messages: user(prompt), stream: true }, signal)) {
        // This client hands a failure on as a chunk like others.
        if (chunk.error) throw new Error(chunk.error.message)
        yield chunk.choices[0]?.delta.content ?? ''
      }
    },
    withTool: async (at, prompt, run) => {
      const weather = { name: 'weather', parameters: WEATHER_SCHEMA }
      const tools = [{ type: 'function', function: weather }]
      const messages = user(prompt)
      const { message } = (await send(at, { messages, tools })).choices[0]
      messages.push(message)
      for (const call of message.toolCalls)
        messages.push({
          role: 'tool',
          toolCallId: call.id,
          content: run(JSON.parse(call.function.arguments)),
        })
      return textOf(await send(at, { messages, tools }))
    },
    structured: async (at, prompt) => {
      const jsonSchema = { name: 'city', strict: true, schema: CITY_SCHEMA }
      const responseFormat = { type: 'json_schema', jsonSchema }
      return JSON.parse(textOf(await send(at, { messages: user(prompt), responseFormat })))
    },
    withImage: async (at, prompt, png) => {
      const image = { type: 'image_url', imageUrl: { url: `data:image/png;base64,${png}` } }
      return textOf(await send(at, { messages: user([{ type: 'text', text: prompt }, image]) }))
    },
    statusOf: (error) => (error as Loose).statusCode,
  }
}

conform(await clientsMissing(), { '@openrouter/sdk': openrouter })
