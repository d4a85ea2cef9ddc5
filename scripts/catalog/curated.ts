import type { Observation } from './observation.ts'

const embeds = (upstreamId: string, context: number, input: readonly string[]): Observation => ({
  source: 'curated',
  provider: 'amazon-bedrock',
  upstreamId,
  context,
  input,
  output: ['embeddings'],
})

/**
 * Endpoints that no package lists, from their provider's own pages, read 2026-11: Bedrock's user guide on embedding models.
 * Without prices, since no source is there to compare them with.
 */
export const CURATED: readonly Observation[] = [
  embeds('amazon.titan-embed-text-v2:0', 8_192, ['text']),
  embeds('cohere.embed-english-v3', 512, ['text']),
  embeds('cohere.embed-multilingual-v3', 512, ['text']),
  embeds('cohere.embed-v4:0', 128_000, ['text', 'image']),
]
