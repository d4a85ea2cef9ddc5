import { describe, expect, it } from 'vitest'
import { notKept } from './not-kept.ts'
import { INFERENCE_ROUTES } from './v1/inference.ts'

describe('a path of an API that is served in part', () => {
  it.each([
    ['/responses/resp_1', 404, 'not stored'],
    ['/responses/resp_1/cancel', 404, 'not stored'],
    ['/conversations', 404, 'whole conversation'],
    ['/messages/batches', 501, 'not served'],
    ['/files/file_1', 501, 'not served'],
    ['/images/generations', 501, 'not served'],
    ['/cachedContents', 501, 'not served'],
  ])('%s is answered with %i and why', (path, status, words) => {
    expect(notKept(path)).toMatchObject({ status, message: expect.stringContaining(words) })
  })

  it.each(['/nowhere', '/response', '/filesystem', '/models', '/keys'])('%s is none', (path) => {
    expect(notKept(path)).toBe(undefined)
  })

  it('hides nothing that is served', () => {
    const hidden = INFERENCE_ROUTES.filter((path) => notKept(path) !== undefined)
    // These are matched before, as inference.
    expect(hidden).toEqual(['/responses/compact', '/responses/input_tokens'])
  })
})
