import { inspect } from 'node:util'
import { expect, test } from 'vitest'
import { Secret } from './secret.ts'

const secret = new Secret('sk-live-1234')

test('a secret shows itself to nobody who prints it', () => {
  const shown = [
    `${secret}`,
    String(secret),
    JSON.stringify({ secret }),
    inspect({ secret }, { depth: 9, showHidden: true }),
    Object.entries(secret).join(),
    JSON.stringify(structuredClone({ ...secret })),
  ]
  for (const text of shown) expect(text).not.toContain('1234')
  expect(`${secret}`).toBe('[secret]')
})

test('a secret is revealed when asked for by name', () => {
  expect(secret.reveal()).toBe('sk-live-1234')
})

test('secrets compare by value', () => {
  expect(secret.equals(new Secret('sk-live-1234'))).toBe(true)
  expect(secret.equals(new Secret('sk-live-1235'))).toBe(false)
})
