import { describe, expect, it } from 'vitest'
import { apiPath, bareApiPath, nearestPath } from './path.ts'

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
    ['/v1//chat/completions', '/chat/completions'],
    ['//api//v1//messages/', '/messages'],
    ['/v1beta/openai/chat/completions', '/chat/completions'],
    ['/api/v1/cursor/chat/completions', '/chat/completions'],
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

describe('nearestPath()', () => {
  it.each([
    ['POST', '/v2/chat/completions', '/chat/completions'],
    ['POST', '/openai/deployments/gpt/chat/completions', '/chat/completions'],
    ['POST', '/api/v1/chat', '/chat/completions'],
    ['POST', '/api/v1/chat/completion', '/chat/completions'],
    ['POST', '/v1/mesages', '/messages'],
    ['POST', '/api/v1/Embeddings', '/embeddings'],
    ['POST', '/v1/engines/x/completions', '/completions'],
    ['GET', '/models', '/models'],
    ['GET', '/api/v1/model', '/models'],
    ['GET', '/api/v1/key/', '/key'],
  ])('%s %s was meant to be %s', (method, path, near) => {
    expect(nearestPath(method, path)).toBe(near)
  })

  it.each([
    ['POST', '/graphql'],
    ['GET', '/favicon.ico'],
    ['POST', `/${'x'.repeat(10_000)}`],
    ['GET', '/'],
  ])('%s %s is near nothing', (method, path) => {
    expect(nearestPath(method, path)).toBe(null)
  })
})
