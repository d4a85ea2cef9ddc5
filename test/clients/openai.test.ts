import { type Access, CITY_SCHEMA, type Client, conform, WEATHER_SCHEMA } from './cases.ts'
import { clientsMissing, type Loose, load } from './install.ts'

const dataUrl = (png: string) => `data:image/png;base64,${png}`

async function chatCompletions(name: string): Promise<Client> {
  const { OpenAI, APIError } = await load(name)
  const client = ({ url, key }: Access) =>
    new OpenAI({ baseURL: `${url}/api/v1`, apiKey: key, maxRetries: 0 }).chat.completions
  const user = (content: unknown) => [{ role: 'user', content }]
  const textOf = (reply: Loose): string => reply.choices[0].message.content
  return {
    plain: async (at, prompt) => textOf(await client(at).create({ model: at.model, messages: user(prompt) })),
    async *streamed(at, prompt, signal) {
      const asked = { model: at.model, messages: user(prompt), stream: true }
      for await (const chunk of await client(at).create(asked, { signal }))
        yield chunk.choices[0]?.delta.content ?? ''
    },
    withTool: async (at, prompt, run) => {
      const weather = {
        name: 'weather',
        parameters: WEATHER_SCHEMA,
        parse: JSON.parse,
        function: run,
      }
      const runner = client(at).runTools({
        model: at.model,
        messages: user(prompt),
        tools: [{ type: 'function', function: weather }],
        stream: true,
      })
      return runner.finalContent()
    },
    structured: async (at, prompt) => {
      const json_schema = { name: 'city', strict: true, schema: CITY_SCHEMA }
      const reply = await client(at).create({
        model: at.model,
        messages: user(prompt),
        response_format: { type: 'json_schema', json_schema },
      })
      return JSON.parse(textOf(reply))
    },
    withImage: async (at, prompt, png) => {
      const image = { type: 'image_url', image_url: { url: dataUrl(png) } }
      const content = [{ type: 'text', text: prompt }, image]
      return textOf(await client(at).create({ model: at.model, messages: user(content) }))
    },
    statusOf: (error) => error instanceof APIError && (error as Loose).status,
  }
}

async function responses(name: string): Promise<Client> {
  const { OpenAI, APIError } = await load(name)
  const client = ({ url, key }: Access) =>
    new OpenAI({ baseURL: `${url}/api/v1`, apiKey: key, maxRetries: 0 }).responses
  return {
    plain: async (at, prompt) => (await client(at).create({ model: at.model, input: prompt })).output_text,
    async *streamed(at, prompt, signal) {
      const stream = client(at).stream({ model: at.model, input: prompt }, { signal })
      for await (const event of stream) {
        if (event.type === 'response.output_text.delta') yield event.delta
        if (event.type === 'error') throw new Error(event.message)
      }
    },
    withTool: async (at, prompt, run) => {
      const tools = [{ type: 'function', name: 'weather', parameters: WEATHER_SCHEMA, strict: true }]
      const input: Loose[] = [{ role: 'user', content: prompt }]
      const first = await client(at).stream({ model: at.model, input, tools }).finalResponse()
      input.push(...first.output)
      for (const item of first.output) {
        if (item.type !== 'function_call') continue
        const output = run(JSON.parse(item.arguments))
        input.push({ type: 'function_call_output', call_id: item.call_id, output })
      }
      return (await client(at).create({ model: at.model, input, tools })).output_text
    },
    structured: async (at, prompt) => {
      const format = { type: 'json_schema', name: 'city', strict: true, schema: CITY_SCHEMA }
      const reply = await client(at).parse({ model: at.model, input: prompt, text: { format } })
      return reply.output_parsed ?? JSON.parse(reply.output_text)
    },
    withImage: async (at, prompt, png) => {
      const content = [
        { type: 'input_text', text: prompt },
        { type: 'input_image', detail: 'auto', image_url: dataUrl(png) },
      ]
      return (await client(at).create({ model: at.model, input: [{ role: 'user', content }] })).output_text
    },
    statusOf: (error) => error instanceof APIError && (error as Loose).status,
  }
}

conform(await clientsMissing(), {
  'openai 6, Chat Completions': () => chatCompletions('openai-6'),
  'openai 7, Chat Completions': () => chatCompletions('openai-7'),
  'openai 6, Responses': () => responses('openai-6'),
  'openai 7, Responses': () => responses('openai-7'),
})
