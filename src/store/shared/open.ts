import { MemoryState } from './memory.ts'
import type { RedisOptions } from './redis.ts'
import type { SharedState } from './shared.ts'

/** The shared state that the settings name: in memory, or in Redis, whose client is loaded only then. */
export async function openSharedState(
  options: Omit<RedisOptions, 'url'> & { readonly redis: string | null },
): Promise<SharedState> {
  const { redis, ...rest } = options
  if (redis === null) return new MemoryState(rest.now)
  const { RedisState } = await import('./redis.ts')
  return new RedisState({ url: redis, ...rest })
}
