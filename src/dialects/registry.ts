import { anthropicMessages } from './anthropic-messages/index.ts'
import { bedrockConverse } from './bedrock-converse/index.ts'
import { bedrockEmbeddings } from './bedrock-embeddings/index.ts'
import { bedrockInvoke } from './bedrock-invoke/index.ts'
import { cohere } from './cohere/index.ts'
import { cohereEmbeddings } from './cohere-embeddings/index.ts'
import type { ClientDialect, Dialect, UpstreamDialect } from './dialect.ts'
import { gemini } from './gemini/index.ts'
import { geminiEmbeddings } from './gemini-embeddings/index.ts'
import { openaiChat } from './openai-chat/index.ts'
import { openaiCompaction } from './openai-compaction/index.ts'
import { openaiCompletions } from './openai-completions/index.ts'
import { openaiEmbeddings } from './openai-embeddings/index.ts'
import { openaiResponses } from './openai-responses/index.ts'
import { vertexMessages } from './vertex-messages/index.ts'

const byId = <T extends { readonly id: string }>(known: readonly T[]): ReadonlyMap<string, T> =>
  new Map(known.map((entry) => [entry.id, entry]))

/** Formats of conversations that clients and providers speak, by id. */
export const DIALECTS: ReadonlyMap<string, Dialect> = byId([
  openaiChat,
  openaiResponses,
  anthropicMessages,
  gemini,
])

/** Every format that clients speak, by id. */
export const CLIENT_DIALECTS: ReadonlyMap<string, ClientDialect> = byId<ClientDialect>([
  ...DIALECTS.values(),
  openaiCompaction,
  openaiCompletions,
  openaiEmbeddings,
])

/** Every format of conversations that providers speak, by id. */
export const UPSTREAM_DIALECTS: ReadonlyMap<string, UpstreamDialect> = byId<UpstreamDialect>([
  ...DIALECTS.values(),
  bedrockConverse,
  bedrockInvoke,
  cohere,
  vertexMessages,
])

/** What providers are asked in for embeddings, by the format of their conversations. */
const EMBEDDING_DIALECTS: ReadonlyMap<string, UpstreamDialect> = new Map([
  [openaiChat.id, openaiEmbeddings],
  [openaiResponses.id, openaiEmbeddings],
  [gemini.id, geminiEmbeddings],
  [cohere.id, cohereEmbeddings],
  [bedrockConverse.id, bedrockEmbeddings],
])

/** The format of that id that clients and providers speak, or null. */
export function dialect(id: string): Dialect | null {
  return DIALECTS.get(id) ?? null
}

/** The client format of that id, or null. */
export function clientDialect(id: string): ClientDialect | null {
  return CLIENT_DIALECTS.get(id) ?? null
}

/**
 * What a provider that speaks `id` is asked in, for a request that wants this output; a conversation when absent. Null:
 * its endpoints are then left out as `no_dialect`.
 */
export function upstreamDialect(
  id: string,
  request?: { readonly outputModalities: readonly string[] },
): UpstreamDialect | null {
  const known = request?.outputModalities.includes('embeddings') ? EMBEDDING_DIALECTS : UPSTREAM_DIALECTS
  return known.get(id) ?? null
}
