import { readFileSync } from 'node:fs'
import { describe, expect, it } from 'vitest'
import { ERRORS } from '../chat/index.ts'

const page = readFileSync(new URL('../../docs/errors.md', import.meta.url), 'utf8')

describe('docs/errors.md', () => {
  it.each(Object.entries(ERRORS))('has a section for %s with its status', (code, { status }) => {
    const section = page.split(`\n## ${code}\n`)[1]
    expect(section, `## ${code}`).toBeDefined()
    expect(section!.trimStart().startsWith(`HTTP ${status}.`)).toBe(true)
    expect(section!.split('\n## ')[0]).toContain('**Fix:**')
  })
})
