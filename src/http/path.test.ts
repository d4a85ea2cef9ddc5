import { describe, expect, it } from 'vitest'
import { apiPath, bareApiPath } from './path.ts'

describe('apiPath()', () => {
  it.each([
    ['/v1/chat/completions', '/chat/completions'],
    ['/api/v1/chat/completions', '/chat/completions'],
    ['/openai/v1/chat/completions', '/chat/completions'],
    ['/v1/v1/chat/completions', '/chat/completions'],
    ['/api/v1/v1/chat/completions/', '/chat/completions'],
    ['/api/chat/completions', '/chat/completions'],
    ['/anthropic/v1/messages', '/messages'],
    ['/api/v1/models/openai/gpt-5.1/endpoints', '/models/openai/gpt-5.1/endpoints'],
    ['/api/v1', '/'],
    ['/api/v1/', '/'],
  ])('takes the prefixes off %s', (given, wanted) => {
    expect(apiPath(given)).toBe(wanted)
  })

  it.each(['/health', '/', '/models', '/apiary/v1', '/chat/completions'])('leaves %s to others', (path) => {
    expect(apiPath(path)).toBeNull()
  })
})

describe('bareApiPath()', () => {
  it('takes an inference path without its version', () => {
    expect(bareApiPath('POST', '/chat/completions')).toBe('/chat/completions')
    // The question that a browser asks before its POST.
    expect(bareApiPath('OPTIONS', '/chat/completions')).toBe('/chat/completions')
  })

  it('leaves pages alone', () => {
    expect(bareApiPath('GET', '/models')).toBeNull()
    expect(bareApiPath('GET', '/chat/completions')).toBeNull()
  })
})
