import type { Observation } from './observation.ts'

/** @param input USD per million tokens */
const embeds = (upstreamId: string, context: number, input: number): Observation => ({
  source: 'curated',
  provider: 'amazon-bedrock',
  upstreamId,
  price: { input, output: 0 },
  context,
  input: ['text'],
  output: ['embeddings'],
})

/**
 * Endpoints that no package lists: embedding models on Bedrock, from its user guide and pricing page as open price tables
 * that name them agree (2026-11). Images have a price of their own there, so text alone is listed.
 */
export const CURATED: readonly Observation[] = [
  embeds('amazon.titan-embed-text-v2:0', 8_192, 0.02),
  embeds('cohere.embed-english-v3', 512, 0.1),
  embeds('cohere.embed-multilingual-v3', 512, 0.1),
  embeds('cohere.embed-v4:0', 128_000, 0.12),
]
