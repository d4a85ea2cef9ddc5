import { describe, expect, it } from 'vitest'
import { credentialOf } from './authenticate.ts'

const OURS = 'sk-wb-v1-abc'

describe('the key of a request', () => {
  it.each([
    // The three headers of the clients in the guide.
    [{ authorization: `Bearer ${OURS}` }, OURS],
    [{ 'x-api-key': OURS }, OURS],
    [{ 'x-goog-api-key': OURS }, OURS],
    // Written loosely.
    [{ authorization: `bearer   ${OURS} ` }, OURS],
    [{ authorization: OURS }, OURS],
    // An agent that is also signed in elsewhere, or has an empty key beside the token.
    [{ authorization: 'Bearer sk-ant-oat01-x', 'x-api-key': OURS }, OURS],
    [{ authorization: `Bearer ${OURS}`, 'x-api-key': 'sk-ant-x' }, OURS],
    [{ authorization: `Bearer ${OURS}`, 'x-api-key': '' }, OURS],
    [{ authorization: 'Bearer ', 'x-api-key': OURS }, OURS],
    [{ authorization: 'Basic bm9wZQ==', 'x-goog-api-key': OURS }, OURS],
    // None of ours: the first, so that the answer can say what is wrong with it.
    [{ authorization: 'Bearer sk-or-v1-x' }, 'sk-or-v1-x'],
    [{ 'x-api-key': 'sk-ant-x', 'x-goog-api-key': 'AIza' }, 'sk-ant-x'],
    [{}, null],
    [{ authorization: 'Bearer ' }, null],
    [{ authorization: 'Basic bm9wZQ==' }, null],
  ])('in %o is %s', (headers, key) => {
    expect(credentialOf(headers)).toBe(key)
  })
})
