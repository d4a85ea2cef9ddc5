import { readFileSync } from 'node:fs'
import { join } from 'node:path'
import { expect, test } from 'vitest'
import { ROOT, renderPages } from '../../scripts/generate-providers.ts'
import { configJsonSchema, loadConfig } from './index.ts'
import { EXAMPLE } from './reference.ts'
import { SETTINGS } from './settings.ts'

test('the reference pages are generated from the code as it stands', async () => {
  for (const [path, text] of Object.entries(await renderPages())) {
    expect(readFileSync(join(ROOT, path), 'utf8'), 'run `node scripts/generate-providers.ts`').toBe(text)
  }
})

test('the example of the reference loads', () => {
  const env = {
    OPENAI_API_KEY: 'a',
    ANTHROPIC_API_KEY: 'b',
    ANTHROPIC_API_KEY_2: 'c',
    AZURE_OPENAI_API_KEY: 'd',
  }
  const paths = { cwd: '/srv', home: '/home/me', root: '/opt' }
  const result = loadConfig({ text: EXAMPLE, fileName: 'waybill.yaml', env, flags: {}, paths })
  expect(result).toMatchObject({ ok: true, warnings: [] })
})

test('the JSON Schema closes every mapping but that of fallbacks, and describes every key', () => {
  const walk = (node: unknown, path: string): void => {
    if (typeof node !== 'object' || node === null) return
    const { properties, additionalProperties } = node as Record<string, unknown>
    if (properties !== undefined) {
      if (path === '.properties.fallbacks') expect(additionalProperties).toMatchObject({ type: 'array' })
      else expect(additionalProperties, path).toBe(false)
      for (const [key, value] of Object.entries(properties as Record<string, { description?: string }>)) {
        expect(value.description, `${path}.${key}`).toBeTruthy()
      }
    }
    for (const [key, value] of Object.entries(node)) walk(value, `${path}.${key}`)
  }
  walk(configJsonSchema(), '')
})

test('every setting of the table stands in the schema', () => {
  for (const { path } of SETTINGS) {
    let node: unknown = configJsonSchema()
    for (const step of path) node = (node as { properties: Record<string, unknown> }).properties[step]
    expect(node, path.join('.')).toBeDefined()
  }
})
