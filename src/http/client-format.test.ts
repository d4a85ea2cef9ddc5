import { describe, expect, it } from 'vitest'
import { formatOf } from './client-format.ts'

const ANTHROPIC = { 'anthropic-version': '2023-06-01' }
const GOOGLE = { 'x-goog-api-key': 'k' }

describe('the format in which a client reads errors and lists', () => {
  it.each([
    ['/api/v1/chat/completions', {}, 'openai-chat'],
    ['/api/v1/messages', {}, 'anthropic-messages'],
    ['/messages/count_tokens', {}, 'anthropic-messages'],
    ['/v1/responses', {}, 'openai-responses'],
    ['/api/v1beta/models/google/gemini:streamGenerateContent', {}, 'gemini'],
    ['/api/v1/models/google/gemini:generateContent', {}, 'gemini'],
    ['/api/v1/models/google/gemini:embedContent', {}, 'gemini'],
    // A path of one format speaks louder than the headers.
    ['/api/v1/chat/completions', ANTHROPIC, 'openai-chat'],
    // Elsewhere headers tell.
    ['/api/v1/models', {}, 'openai-chat'],
    ['/api/v1/models', ANTHROPIC, 'anthropic-messages'],
    ['/api/v1/models/a/b', GOOGLE, 'gemini'],
    ['/nowhere', ANTHROPIC, 'anthropic-messages'],
    // Else the prefix; the last one that means anything.
    ['/v1beta/models', {}, 'gemini'],
    ['/anthropic/v1/models', {}, 'anthropic-messages'],
    ['/v1beta/openai/models', {}, 'openai-chat'],
    ['/api/v1/keys', { 'x-api-key': 'k' }, 'openai-chat'],
  ] as const)('%s with %o is read as %s', (path, headers, id) => {
    expect(formatOf(path, headers).id).toBe(id)
  })
})
