import { describe, expect, test } from 'vitest'
import { loadConfig } from './index.ts'

function load(text: string, env: Record<string, string> = {}) {
  const paths = { cwd: '/srv', home: '/home/me', root: '/opt' }
  return loadConfig({ text, fileName: 'waybill.yaml', env, flags: {}, paths })
}

function configured(text: string, env: Record<string, string> = {}) {
  const result = load(text, env)
  if (!result.ok) throw new Error(result.errors.map(({ message }) => message).join('\n'))
  return result.config
}

function complaints(text: string): string[] {
  const result = load(text)
  return result.ok ? [] : result.errors.map(({ where, message }) => `${where}: ${message}`)
}

describe('fallbacks', () => {
  test('are lists by model, `*` among them, and none by default', () => {
    expect(configured('').fallbacks).toEqual({ lists: {}, onRefusal: false })
    const text = 'fallbacks:\n  a/one: [b/two, c/three]\n  "*": [d/four]\n  on_refusal: true\n'
    expect(configured(text).fallbacks).toEqual({
      lists: { 'a/one': ['b/two', 'c/three'], '*': ['d/four'] },
      onRefusal: true,
    })
  })

  test.each([
    ['fallbacks:\n  one: [b/two]\n', 'waybill.yaml:2:3', 'no model'],
    ['fallbacks:\n  a/one: [a/one]\n', 'waybill.yaml:2:10', 'stand in for itself'],
    ['fallbacks:\n  a/one: [sim/echo]\n', 'waybill.yaml:2:10', 'Simulated'],
    ['fallbacks:\n  a/one: b/two\n', 'waybill.yaml:2:10', 'a list of models'],
    ['fallbacks:\n  a/one: [two]\n', 'waybill.yaml:2:11', 'author/name'],
    ['fallbacks:\n  a/one: []\n', 'waybill.yaml:2:10', 'at least one'],
    ['fallbacks:\n  on_refusal: maybe\n', 'waybill.yaml:2:15', 'true or false'],
  ])('%j is refused at its place', (text, where, words) => {
    const [first = ''] = complaints(text)
    expect(first).toContain(`${where}: `)
    expect(first).toContain(words)
  })
})

describe('probes', () => {
  test('are off unless a time is given, in file or environment', () => {
    expect(configured('').probesMs).toBeNull()
    expect(configured('probes: off').probesMs).toBeNull()
    expect(configured('probes: 30s').probesMs).toBe(30_000)
    expect(configured('', { WAYBILL_PROBES: '1m' }).probesMs).toBe(60_000)
  })

  test('more often than every second are refused', () => {
    expect(complaints('probes: 500ms')[0]).toContain('at least 1s')
    expect(complaints('probes: soon')[0]).toContain('off, or a time')
  })
})
