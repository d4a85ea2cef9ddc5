import { describe, expect, test } from 'vitest'
import type { Catalog } from '../catalog/index.ts'
import { type ApiKey, type KeyPolicy, NO_POLICY } from '../identity/index.ts'
import type { Snapshot } from './gateway.ts'
import { accessOf } from './policy.ts'

const NOTHING = { ...NO_POLICY, dataCollection: 'allow', zdr: false } as const

function snapshotWith(policy: object): Snapshot & { readonly asked: string[] } {
  const asked: string[] = []
  const catalog = {
    resolve: (name: string) => {
      asked.push(name)
      return undefined
    },
  } as unknown as Catalog
  return { asked, catalog, config: { policy: { ...NOTHING, ...policy } } } as never
}

const keyWith = (policy: Partial<KeyPolicy> = {}) => ({ policy: { ...NO_POLICY, ...policy } }) as ApiKey

describe('what a caller may use', () => {
  test('is nothing to look at where neither key nor installation says anything', () => {
    expect(accessOf(snapshotWith({}), keyWith())).toBeNull()
    expect(accessOf(snapshotWith({}), null)).toBeNull()
  })

  test('is joined once for a key and a snapshot, and anew for the next of either', () => {
    const snapshot = snapshotWith({ ignoredProviders: ['a'] })
    const key = keyWith({ allowedModels: ['x/one'] })
    const first = accessOf(snapshot, key)
    expect(accessOf(snapshot, key)).toBe(first)
    expect(snapshot.asked).toEqual(['x/one'])
    const changed = accessOf(snapshot, keyWith({ allowedModels: ['x/two'] }))
    expect(changed).not.toBe(first)
    const reloaded = accessOf(snapshotWith({}), key)
    expect([first?.ignored.length, reloaded?.ignored.length]).toEqual([1, 0])
  })

  test('is the same for the operator and all keys without lists', () => {
    const snapshot = snapshotWith({ allowedProviders: ['a'] })
    const access = accessOf(snapshot, null)
    expect(access?.allowed).toHaveLength(1)
    expect(accessOf(snapshot, keyWith())).toBe(access)
    expect(accessOf(snapshot, keyWith({ ignoredProviders: ['b'] }))?.allowed[0]?.detail).toBe(
      'not in allowed_providers of this installation',
    )
  })
})
