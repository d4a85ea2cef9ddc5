import { anthropicMessages } from './anthropic-messages/index.ts'
import { bedrockConverse } from './bedrock-converse/index.ts'
import { cohere } from './cohere/index.ts'
import type { Dialect, UpstreamDialect } from './dialect.ts'
import { gemini } from './gemini/index.ts'
import { openaiChat } from './openai-chat/index.ts'
import { openaiResponses } from './openai-responses/index.ts'

const byId = <T extends { readonly id: string }>(known: readonly T[]): ReadonlyMap<string, T> =>
  new Map(known.map((entry) => [entry.id, entry]))

/** Formats that clients speak, by id. */
export const DIALECTS: ReadonlyMap<string, Dialect> = byId([
  openaiChat,
  openaiResponses,
  anthropicMessages,
  gemini,
])

/** Every format that providers speak, by id. */
export const UPSTREAM_DIALECTS: ReadonlyMap<string, UpstreamDialect> = byId<UpstreamDialect>([
  ...DIALECTS.values(),
  bedrockConverse,
  cohere,
  gemini,
])

/** The client format of that id, or null. */
export function dialect(id: string): Dialect | null {
  return DIALECTS.get(id) ?? null
}

/** The provider format of that id, or null: its endpoints are then left out as `no_dialect`. */
export function upstreamDialect(id: string): UpstreamDialect | null {
  return UPSTREAM_DIALECTS.get(id) ?? null
}
