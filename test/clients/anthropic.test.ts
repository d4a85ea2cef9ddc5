import { type Access, CITY_SCHEMA, type Client, conform, WEATHER_SCHEMA } from './cases.ts'
import { clientsMissing, type Loose, load } from './install.ts'

async function anthropic(base: string): Promise<Client> {
  const { Anthropic, APIError } = await load('@anthropic-ai/sdk')
  const client = ({ url, key }: Access) =>
    new Anthropic({ baseURL: `${url}${base}`, apiKey: key, maxRetries: 0 }).messages
  const asked = (at: Access, content: unknown) => ({
    model: at.model,
    max_tokens: 1000,
    messages: [{ role: 'user', content }] as Loose[],
  })
  const textOf = (message: Loose): string =>
    message.content.map((block: Loose) => (block.type === 'text' ? block.text : '')).join('')
  return {
    plain: async (at, prompt) => textOf(await client(at).create(asked(at, prompt))),
    async *streamed(at, prompt, signal) {
      for await (const event of client(at).stream(asked(at, prompt), { signal }))
        if (event.type === 'content_block_delta') yield event.delta.text
    },
    withTool: async (at, prompt, run) => {
      const tools = [{ name: 'weather', description: 'The weather', input_schema: WEATHER_SCHEMA }]
      const question = asked(at, prompt)
      const first = await client(at)
        .stream({ ...question, tools })
        .finalMessage()
      const results = first.content
        .filter((block: Loose) => block.type === 'tool_use')
        .map((block: Loose) => ({
          type: 'tool_result',
          tool_use_id: block.id,
          content: run(block.input),
        }))
      const turns = [
        { role: 'assistant', content: first.content },
        { role: 'user', content: results },
      ]
      return textOf(
        await client(at).create({ ...question, messages: [...question.messages, ...turns], tools }),
      )
    },
    structured: async (at, prompt) => {
      const format = { type: 'json_schema', schema: CITY_SCHEMA }
      return JSON.parse(textOf(await client(at).create({ ...asked(at, prompt), output_config: { format } })))
    },
    withImage: async (at, prompt, png) => {
      const source = { type: 'base64', media_type: 'image/png', data: png }
      return textOf(
        await client(at).create(
          asked(at, [
            { type: 'image', source },
            { type: 'text', text: prompt },
          ]),
        ),
      )
    },
    statusOf: (error) => error instanceof APIError && (error as Loose).status,
  }
}

conform(await clientsMissing(), {
  '@anthropic-ai/sdk at /api': () => anthropic('/api'),
  '@anthropic-ai/sdk at the root': () => anthropic(''),
})
