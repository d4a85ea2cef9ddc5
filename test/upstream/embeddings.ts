import { json, type Step } from './step.ts'

/** The vector of a text in these tests: exact as 32-bit floats, so that any encoding gives it back unchanged. */
export function vectorOf(text: string, dimensions = 4): number[] {
  return Array.from({ length: dimensions }, (_, i) => ((text.length + i) % 16) / 8 - 1)
}

/** Little-endian 32-bit floats as base64, as OpenAI writes a vector. */
export function base64Of(vector: readonly number[]): string {
  const bytes = Buffer.alloc(vector.length * 4)
  for (const [i, value] of vector.entries()) bytes.writeFloatLE(value, i * 4)
  return bytes.toString('base64')
}

interface Asked {
  readonly input: string | readonly (string | readonly number[])[]
  readonly encoding_format?: string
  readonly dimensions?: number
  readonly output_dimension?: number
}

/** Answers as `/embeddings` of OpenAI, Mistral or Voyage does; `encoding: 'float'` stands for a server that knows no other. */
export function embeddings(
  promptTokens: number,
  options: { readonly encoding?: 'float' } = {},
): (request: { body: string }) => Step {
  return ({ body }) => {
    const asked = JSON.parse(body) as Asked
    const inputs = typeof asked.input === 'string' ? [asked.input] : asked.input
    const base64 = asked.encoding_format === 'base64' && options.encoding !== 'float'
    const data = inputs.map((input, index) => {
      const vector = vectorOf(String(input), asked.dimensions ?? asked.output_dimension)
      return { object: 'embedding', index, embedding: base64 ? base64Of(vector) : vector }
    })
    const usage = { prompt_tokens: promptTokens, total_tokens: promptTokens }
    return json(200, { object: 'list', data, model: 'upstream-model', usage })
  }
}

/** Answers as Google's `batchEmbedContents` does; older models count no tokens. */
export function geminiEmbeddings(promptTokens: number | null): (request: { body: string }) => Step {
  return ({ body }) => {
    const { requests } = JSON.parse(body) as {
      requests: { content: { parts: { text?: string }[] }; outputDimensionality?: number }[]
    }
    const values = requests.map(({ content, outputDimensionality }) => ({
      values: vectorOf(content.parts.map(({ text }) => text ?? '').join(''), outputDimensionality),
    }))
    const usageMetadata = promptTokens === null ? undefined : { promptTokenCount: promptTokens }
    return json(200, { embeddings: values, usageMetadata })
  }
}

/** Answers as Cohere's Embed v2 does. */
export function cohereEmbeddings(promptTokens: number): (request: { body: string }) => Step {
  return ({ body }) => {
    const { texts, output_dimension } = JSON.parse(body) as { texts: string[]; output_dimension?: number }
    return json(200, {
      id: 'co-1',
      embeddings: { float: texts.map((text) => vectorOf(text, output_dimension)) },
      texts,
      meta: { api_version: { version: '2' }, billed_units: { input_tokens: promptTokens } },
      response_type: 'embeddings_by_type',
    })
  }
}
