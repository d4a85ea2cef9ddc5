import { describe, expect, it } from 'vitest'
import { rewriteUrls, sourcesNamed } from './build.ts'

describe('the build', () => {
  it('lets a worker begin at the built file', () => {
    expect(rewriteUrls("new Worker(new URL('./writer.ts', import.meta.url))")).toBe(
      "new Worker(new URL('./writer.js', import.meta.url))",
    )
    expect(rewriteUrls('new URL("../store/reader.ts", import.meta.url)')).toContain('"../store/reader.js"')
  })

  it('leaves other text alone', () => {
    const code = "say('see ./writer.ts'); new URL('https://a/b.ts'); import('./x.js')"
    expect(rewriteUrls(code)).toBe(code)
  })

  it('finds a path that would be missing', () => {
    expect(sourcesNamed("fork('./worker.ts')")).toEqual(['./worker.ts'])
    expect(sourcesNamed("import './worker.js'; say('edit src/x.ts')")).toEqual([])
  })
})
