import { createClient } from '@redis/client'
import { describe, expect, it } from 'vitest'
import { freshRedis, hasRedis } from './redis.ts'

const clientOf = (url: string) => createClient({ url, socket: { reconnectStrategy: false } })

async function run<T>(url: string, use: (client: ReturnType<typeof clientOf>) => Promise<T>): Promise<T> {
  const client = clientOf(url)
  client.on('error', () => {})
  await client.connect()
  try {
    return await use(client)
  } finally {
    client.destroy()
  }
}

describe.skipIf(!hasRedis)('a fresh Redis', () => {
  it('is empty, is not shared, and forgets everything in a crash', async () => {
    const [one, two] = await Promise.all([freshRedis(), freshRedis()])
    await run(one.url, (client) => client.set('k', 'v'))
    expect(await run(two.url, (client) => client.get('k'))).toBeNull()
    await one.stop()
    await expect(run(one.url, (client) => client.get('k'))).rejects.toThrow()
    await one.start()
    expect(await run(one.url, (client) => client.get('k'))).toBeNull()
    await Promise.all([one.drop(), two.drop()])
  })
})
