import { type Access, CITY_SCHEMA, type Client, conform, WEATHER_SCHEMA } from './cases.ts'
import { clientsMissing, type Loose, load } from './install.ts'

async function google(name: string): Promise<Client> {
  const { GoogleGenAI, ApiError, createPartFromBase64, createPartFromFunctionResponse } = await load(name)
  const client = ({ url, key }: Access) =>
    new GoogleGenAI({ apiKey: key, httpOptions: { baseUrl: `${url}/api` } }).models
  return {
    plain: async (at, prompt) =>
      (await client(at).generateContent({ model: at.model, contents: prompt })).text,
    async *streamed(at, prompt, signal) {
      const config = { abortSignal: signal }
      const asked = { model: at.model, contents: prompt, config }
      for await (const chunk of await client(at).generateContentStream(asked)) yield chunk.text ?? ''
    },
    withTool: async (at, prompt, run) => {
      const weather = { name: 'weather', description: 'The weather', parametersJsonSchema: WEATHER_SCHEMA }
      const config = { tools: [{ functionDeclarations: [weather] }] }
      const contents: Loose[] = [{ role: 'user', parts: [{ text: prompt }] }]
      const asked: Loose[] = []
      for await (const chunk of await client(at).generateContentStream({ model: at.model, contents, config }))
        asked.push(...(chunk.candidates?.[0]?.content?.parts ?? []))
      const parts = asked.flatMap(({ functionCall: call }) =>
        call ? [createPartFromFunctionResponse(call.id, call.name, { output: run(call.args) })] : [],
      )
      contents.push({ role: 'model', parts: asked }, { role: 'user', parts })
      return (await client(at).generateContent({ model: at.model, contents, config })).text
    },
    structured: async (at, prompt) => {
      const config = { responseMimeType: 'application/json', responseJsonSchema: CITY_SCHEMA }
      return JSON.parse(
        (await client(at).generateContent({ model: at.model, contents: prompt, config })).text,
      )
    },
    withImage: async (at, prompt, png) => {
      const contents = [createPartFromBase64(png, 'image/png'), prompt]
      return (await client(at).generateContent({ model: at.model, contents })).text
    },
    statusOf: (error) => error instanceof ApiError && (error as Loose).status,
  }
}

conform(await clientsMissing(), {
  '@google/genai 2': () => google('google-genai-2'),
  '@google/genai 3': () => google('google-genai-3'),
})
