import { describe, expect, test } from 'vitest'
import type { Preset, PresetBook } from '../identity/index.ts'
import type { Gateway, Snapshot } from './gateway.ts'
import { presetsFor, presetWarnings } from './presets.ts'

const bare = (config: Record<string, unknown>) => ({ description: null, systemPrompt: null, config })

function presets(own: Partial<Preset> | undefined, configured: Record<string, unknown> = {}) {
  const book = { find: (organization: string) => (organization === 'mine' ? own : undefined) }
  const config = { presets: configured }
  const catalog = {
    resolve: (name: string) => ({ variants: name.endsWith(':thinking') ? ['thinking'] : [] }),
  }
  const gateway = { presets: book as unknown as PresetBook } as Gateway
  return presetsFor(gateway, { config, catalog } as unknown as Snapshot, 'mine')
}

describe('the presets of an organization', () => {
  const designated = { systemPrompt: null, config: { temperature: 1 } } as unknown as Preset['designated']

  test('are its own before those of the configuration', () => {
    const shared = { x: bare({ temperature: 0 }) }
    expect(presets({ status: 'active', designated }, shared).preset('x')).toBe(designated)
    expect(presets(undefined, shared).preset('x')).toBe(shared.x)
  })

  test('that are switched off are not replaced by another of the same name', () => {
    const shared = { x: bare({}) }
    expect(() => presets({ status: 'disabled', designated }, shared).preset('x')).toThrow(/is disabled/)
  })

  test.each(['nobody', '__proto__', 'constructor'])('do not hold %s', (slug) => {
    expect(() => presets(undefined).preset(slug)).toThrow(/There is no preset/)
  })

  test('know which models :thinking is for', () => {
    expect(presets(undefined).thinks('a/b:thinking')).toBe(true)
    expect(presets(undefined).thinks('a/b')).toBe(false)
  })
})

test('settings that no request could have are told at the start', () => {
  const config = {
    presets: { good: bare({ model: 'a/b', temperature: 0 }), bad: bare({ temperature: 'hot' }) },
  }
  const warnings = presetWarnings(config as unknown as Snapshot['config'])
  expect(warnings).toHaveLength(1)
  expect(warnings[0]).toMatch(/^presets\.bad: .*temperature/)
})
