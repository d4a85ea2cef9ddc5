import type { Dialect } from './dialect.ts'
import { openaiChat } from './openai-chat/index.ts'

/** Every dialect by id. */
export const DIALECTS: ReadonlyMap<string, Dialect> = new Map([openaiChat].map((known) => [known.id, known]))

/** The dialect of that id, or null: its endpoints are then left out as `no_dialect`. */
export function dialect(id: string): Dialect | null {
  return DIALECTS.get(id) ?? null
}
