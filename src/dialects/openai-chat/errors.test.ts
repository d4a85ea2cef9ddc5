import fc from 'fast-check'
import { describe, expect, test } from 'vitest'
import { constructedCases, hasFixtures, recordedCases, responseBytes } from '../../../test/fixtures.ts'
import { ERRORS, type ErrorCode, GatewayError } from '../../chat/index.ts'
import { decodeError, encodeError } from './errors.ts'

const NOW = Date.parse('2026-11-23T12:00:00Z')
const decode = (status: number, body: unknown, headers: Record<string, string> = {}) =>
  decodeError(status, (name) => headers[name], typeof body === 'string' ? body : JSON.stringify(body), NOW)

describe("a provider's error", () => {
  test.each<[number, unknown, ErrorCode, string | null]>([
    [
      400,
      {
        error: {
          message: "This model's maximum context length is 8192 tokens.",
          code: 'context_length_exceeded',
        },
      },
      'context_length_exceeded',
      'context_length_exceeded',
    ],
    [
      400,
      {
        error: {
          message: 'The input token count (2000000) exceeds the maximum number of tokens allowed (1048576).',
          status: 'INVALID_ARGUMENT',
          code: 400,
        },
      },
      'context_length_exceeded',
      'INVALID_ARGUMENT',
    ],
    [
      400,
      { error: { message: 'prompt is too long: 210000 tokens > 200000 maximum' } },
      'context_length_exceeded',
      null,
    ],
    [
      413,
      { error: { message: 'Request too large for model: maximum context' } },
      'context_length_exceeded',
      null,
    ],
    [
      400,
      {
        error: {
          message: 'max_tokens is too large: 99999. At most 4096 completion tokens',
          type: 'invalid_request_error',
        },
      },
      'max_tokens_exceeded',
      'invalid_request_error',
    ],
    [
      400,
      { error: { message: 'flagged', code: 'content_filter' } },
      'content_policy_violation',
      'content_filter',
    ],
    [
      400,
      { error: { message: 'bad temperature', type: 'invalid_request_error' } },
      'invalid_request',
      'invalid_request_error',
    ],
    [401, { error: { message: 'x', code: 'invalid_api_key' } }, 'provider_auth', 'invalid_api_key'],
    [403, { error: { message: 'x' } }, 'provider_auth', null],
    [402, { error: { message: 'Insufficient Balance' } }, 'provider_payment', null],
    [429, { error: { message: 'x', code: 'insufficient_quota' } }, 'provider_payment', 'insufficient_quota'],
    [429, { error: { message: 'slow down' } }, 'rate_limit_exceeded', null],
    [404, { error: { message: 'x', code: 'model_not_found' } }, 'provider_not_found', 'model_not_found'],
    [408, '', 'provider_timeout', null],
    [422, { detail: [{ msg: 'bad field', type: 'missing' }] }, 'unprocessable', 'missing'],
    [500, { error: { message: 'oops', type: 'server_error' } }, 'provider_unavailable', 'server_error'],
    [502, '<html><title>502 Bad Gateway</title></html>', 'provider_unavailable', null],
    [503, { message: 'no workers' }, 'provider_overloaded', null],
    [504, 'upstream timed out', 'provider_timeout', null],
    [
      529,
      { error: { type: 'overloaded_error', message: 'Overloaded' } },
      'provider_overloaded',
      'overloaded_error',
    ],
  ])('%i %j means %s', (status, body, code, providerCode) => {
    expect(decode(status, body)).toMatchObject({ code, status, providerCode })
  })

  test('is told in the provider’s words, cut to a length; of HTML only the title', () => {
    expect(decode(503, '<html><head><title>Down</title></head>x</html>').message).toBe('Down')
    expect(decode(500, 'x'.repeat(9000)).message).toHaveLength(2001)
    expect(decode(500, '').message).toBe('The provider answered with status 500.')
    expect(
      decode(429, {
        error: { message: 'Provider returned error', code: 429, metadata: { raw: 'busy upstream' } },
      }).message,
    ).toBe('busy upstream')
  })

  test.each<[Record<string, string>, unknown, number | null]>([
    [{ 'retry-after': '7' }, {}, 7000],
    [{ 'retry-after': 'Mon, 23 Nov 2026 12:00:30 GMT' }, {}, 30_000],
    [{ 'retry-after': 'Mon, 23 Nov 2026 11:00:00 GMT' }, {}, 0],
    [{ 'retry-after': '1', 'retry-after-ms': '820' }, {}, 820],
    [{ 'retry-after': '1', 'retry-after-ms': '0' }, {}, 1000],
    [
      {
        'x-ratelimit-remaining-requests': '0',
        'x-ratelimit-reset-requests': '2m59.56s',
        'x-ratelimit-remaining-tokens': '5',
        'x-ratelimit-reset-tokens': '9m',
      },
      {},
      179_560,
    ],
    [{ 'x-ratelimit-reset': String(NOW + 5000) }, {}, 5000],
    [{ 'x-ratelimit-reset': String(NOW / 1000 + 5) }, {}, 5000],
    [
      {
        'anthropic-ratelimit-requests-remaining': '0',
        'anthropic-ratelimit-requests-reset': '2026-11-23T12:00:25Z',
      },
      {},
      25_000,
    ],
    [
      {},
      { error: { details: [{ '@type': 'type.googleapis.com/google.rpc.RetryInfo', retryDelay: '48s' }] } },
      48_000,
    ],
    [{}, { error: { message: 'Please try again in 7.66s.' } }, 7660],
    [{ 'retry-after': '999999999' }, {}, 86_400_000],
    [{ 'retry-after': 'soon' }, {}, null],
    [{}, {}, null],
  ])('with %o and %j asks to wait %j ms', (headers, body, wait) => {
    expect(decode(429, body, headers).retryAfterMs).toBe(wait)
  })

  test('is read from anything without throwing', () => {
    fc.assert(
      fc.property(
        fc.integer({ min: 100, max: 999 }),
        fc.oneof(fc.json(), fc.string()),
        fc.string(),
        (status, body, header) => {
          const error = decodeError(status, () => header, body, NOW)
          expect(ERRORS).toHaveProperty(error.code)
          expect(error.message.length).toBeGreaterThan(0)
        },
      ),
      { numRuns: 300 },
    )
  })
})

describe.skipIf(!hasFixtures)('recorded and constructed errors', () => {
  const expected: Readonly<Record<string, ErrorCode>> = {
    'openai-chat/error-http-json-reasoning': 'invalid_request',
    'openai-chat/error-http-json-at-prompt': 'provider_auth',
    'openai-chat/error-http-json-openai-chat': 'provider_not_found',
    'openai-responses/error-http-json-parallel': 'provider_auth',
    'openai-responses/error-http-json-timodal': 'invalid_request',
    'anthropic/error-http-json-ith': 'provider_auth',
    'anthropic/error-http-json-model': 'provider_not_found',
    'gemini/error-http-json-mini': 'rate_limit_exceeded',
    'gemini/error-http-stream': 'provider_auth',
    'gemini/error-http-json-model': 'provider_not_found',
    'vertex/': 'provider_not_found',
    'bedrock-converse/error-http-json-tool': 'invalid_request',
    'bedrock-converse/error-http-json-l-tool': 'invalid_request',
    'bedrock-converse/error-http-json-bedrock': 'provider_auth',
    'bedrock-invoke/': 'provider_auth',
    'azure-openai/error-http-json-chat': 'provider_not_found',
    'azure-openai/error-http-json-1-fast': 'rate_limit_exceeded',
    'mistral/': 'provider_auth',
    'cohere/error-http-json-with': 'provider_auth',
    'cohere/error-http-json-ere': 'context_length_exceeded',
    'groq/': 'invalid_request',
    'deepseek/': 'invalid_request',
    'xai/': 'provider_auth',
    'openrouter/error-http-json-openrouter': 'rate_limit_exceeded',
    'openrouter/error-http-json-uter': 'context_length_exceeded',
    'perplexity/error-http-json-rios': 'context_length_exceeded',
    'perplexity/': 'invalid_request',
    'ollama/': 'provider_not_found',
    'embeddings/': 'provider_not_found',
    'openai-legacy/': 'provider_not_found',
    'constructed/anthropic-413': 'payload_too_large',
    'constructed/anthropic-429': 'rate_limit_exceeded',
    'constructed/anthropic-500': 'provider_unavailable',
    'constructed/anthropic-529': 'provider_overloaded',
    'constructed/bedrock-converse-429': 'rate_limit_exceeded',
    'constructed/bedrock-converse-503': 'provider_overloaded',
    'constructed/cohere-429': 'rate_limit_exceeded',
    'constructed/deepseek-402': 'provider_payment',
    'constructed/gemini-503': 'provider_overloaded',
    'constructed/groq-429': 'rate_limit_exceeded',
    'constructed/mistral-429': 'rate_limit_exceeded',
    'constructed/openai-chat-429-insufficient': 'provider_payment',
    'constructed/openai-chat-429-rpm': 'rate_limit_exceeded',
    'constructed/openai-chat-500': 'provider_unavailable',
    'constructed/openai-chat-503': 'provider_overloaded',
    'constructed/openrouter-402': 'provider_payment',
  }
  const failures = [...recordedCases(), ...constructedCases()].filter(
    ({ response }) => response.status >= 400,
  )

  test.each(failures.map((recorded) => [recorded.id, recorded] as const))(
    '%s',
    (id, { response, ...rest }) => {
      const body = responseBytes({ response, ...rest }).toString()
      const error = decodeError(response.status, (name) => response.headers[name], body, NOW)
      const meant = Object.keys(expected).find((prefix) => id.startsWith(prefix))
      expect(meant, `no expectation for ${id}: ${JSON.stringify(error)}`).toBeDefined()
      expect(error.code, JSON.stringify(error)).toBe(expected[meant!])
      expect(error.message).not.toContain('<html')
    },
  )

  test('tell how long to wait where they say so', () => {
    const waits = failures.flatMap(({ id, response, ...rest }) => {
      const body = responseBytes({ id, response, ...rest }).toString()
      const { retryAfterMs } = decodeError(response.status, (name) => response.headers[name], body, NOW)
      return retryAfterMs === null ? [] : [[id.slice(0, 30), retryAfterMs]]
    })
    expect(Object.fromEntries(waits)).toEqual({
      'azure-openai/error-http-json-1': 1000,
      'gemini/error-http-json-mini-ge': 48_000,
      'constructed/anthropic-429-rate': 25_000,
      'constructed/groq-429': 7000,
      'constructed/openai-chat-429-rp': 820,
    })
  })
})

test('our own error has a code, an error_type and what else is known', () => {
  const error = new GatewayError('provider_overloaded', 'All busy.', { metadata: { provider_name: 'X' } })
  expect(encodeError(error, 'gen-1')).toMatchObject({
    status: 503,
    body: {
      error: {
        code: 503,
        message: 'All busy.',
        metadata: { error_type: 'provider_overloaded', provider_name: 'X', generation_id: 'gen-1' },
      },
    },
  })
  expect(
    encodeError(new GatewayError('invalid_request', 'No.', { metadata: { param: 'n' } }), null).body,
  ).toMatchObject({
    error: { code: 400, message: 'No.', metadata: { error_type: 'invalid_request', param: 'n' } },
  })
})
