import { describe, expect, test } from 'vitest'
import {
  constructedCases,
  hasFixtures,
  type RecordedCase,
  recordedCases,
  responseBytes,
  WITHOUT_FIXTURES,
} from '../../../test/fixtures.ts'
import { readMessageStream } from '../../../test/messages-client.ts'
import { ERRORS, type ErrorCode, GatewayError } from '../../chat/index.ts'
import type { ReplyMeta } from '../dialect.ts'
import { pipeFor } from '../pipe.ts'
import { decodeError, encodeError } from './errors.ts'
import { anthropicMessages } from './index.ts'

const NOW = Date.parse('2026-11-23T12:00:00Z')
const meta: ReplyMeta = { id: 'gen-1', created: 1, model: 'a/b', provider: 'P', hideReasoning: false }

const decode = ({ response }: RecordedCase) =>
  decodeError(
    response.status,
    (name) => response.headers[name],
    responseBytes({ response } as RecordedCase).toString(),
    NOW,
  )

const failed = recordedCases().filter(
  ({ folder, response }) => folder === 'anthropic' && response.status >= 400,
)
const built = constructedCases().filter(({ dialect }) => dialect === 'anthropic')

/** What each failed call means, by its category and status as the recordings' names say. */
const MEANT: Readonly<Record<string, readonly [ErrorCode, string, number | null]>> = {
  'error-http-json-ith': ['provider_auth', 'authentication_error', null],
  'error-http-json-model-name': ['provider_not_found', 'not_found_error', null],
  'anthropic-413': ['payload_too_large', 'request_too_large', null],
  'anthropic-429': ['rate_limit_exceeded', 'rate_limit_error', 25_000],
  'anthropic-500': ['provider_unavailable', 'api_error', null],
  'anthropic-529': ['provider_overloaded', 'overloaded_error', null],
}

describe.skipIf(!hasFixtures)(
  `failed calls of Anthropic${hasFixtures ? '' : ` [${WITHOUT_FIXTURES}]`}`,
  () => {
    const http = [...failed, ...built.filter(({ response }) => response.status >= 400)]

    test('are all looked at', () => {
      expect({ recorded: failed.length, constructed: built.length, http: http.length }).toEqual({
        recorded: 2,
        constructed: 7,
        http: 6,
      })
    })

    test.each(http.map((it) => [it.id, it] as const))('%s', (id, recorded) => {
      const [, meant] = Object.entries(MEANT).find(([key]) => id.includes(key))!
      const error = decode(recorded)
      expect([error.code, error.providerCode, error.retryAfterMs]).toEqual(meant)
      expect(error.status).toBe(recorded.response.status)
      expect(error.message).toBe((recorded.response.body as { error: { message: string } }).error.message)
    })

    const streams = built.filter(({ response }) => response.status === 200)
    test.each(streams.map((it) => [it.id, it] as const))('%s ends in one error event', (id, recorded) => {
      const pipe = pipeFor(anthropicMessages, anthropicMessages, meta, true)
      const first = pipe.push(responseBytes(recorded))
      pipe.end()
      const cut = id.includes('cut')
      expect(pipe.seen.error?.code ?? null).toBe(cut ? null : 'provider_overloaded')
      expect(pipe.seen.finish).toBeNull()
      expect(pipe.seen.content).toBe(!id.includes('first-event'))
      const error = new GatewayError(cut ? 'provider_cut' : 'provider_overloaded', 'It broke off.')
      const rest = pipe.fail(error, pipe.seen.usage, null)
      const got = readMessageStream(Buffer.concat([first ?? Buffer.alloc(0), rest]).toString())
      expect(got.error?.['error']).toMatchObject({
        type: cut ? 'api_error' : 'overloaded_error',
        message: 'It broke off.',
      })
      expect(got.done).toBe(false)
    })
  },
)

describe('an HTTP failure', () => {
  const body = (type: string, message: string) => JSON.stringify({ type: 'error', error: { type, message } })
  test.each([
    [
      400,
      body('invalid_request_error', 'prompt is too long: 210000 tokens > 200000 maximum'),
      'context_length_exceeded',
    ],
    [
      400,
      body('invalid_request_error', 'input length and `max_tokens` exceed context limit: 1 + 2 > 3'),
      'context_length_exceeded',
    ],
    [
      400,
      body('invalid_request_error', 'max_tokens: 99999 > 8192, which is the maximum allowed'),
      'max_tokens_exceeded',
    ],
    [
      400,
      body('invalid_request_error', 'Your credit balance is too low to access the Anthropic API.'),
      'provider_payment',
    ],
    [
      400,
      body('invalid_request_error', 'Output blocked by content filtering policy'),
      'content_policy_violation',
    ],
    [400, body('invalid_request_error', 'messages: roles must alternate'), 'invalid_request'],
    [402, body('billing_error', 'pay'), 'provider_payment'],
    [403, body('permission_error', 'no'), 'provider_auth'],
    [504, body('timeout_error', 'slow'), 'provider_timeout'],
    [529, '', 'provider_overloaded'],
    [502, '<html><title>Bad gateway</title></html>', 'provider_unavailable'],
    [422, '{"detail":"?"}', 'unprocessable'],
    [418, 'teapot', 'invalid_request'],
  ] as const)('%i %s is %s', (status, text, code) => {
    expect(decodeError(status, () => undefined, text, NOW).code).toBe(code)
  })

  test('tells the title of a web page and never its markup', () => {
    const page = '<html><title>Bad gateway</title><body>long</body></html>'
    expect(decodeError(502, () => undefined, page, NOW).message).toBe('Bad gateway')
  })

  test('without retry-after waits for the windows that are used up', () => {
    const headers: Record<string, string> = {
      'anthropic-ratelimit-requests-remaining': '0',
      'anthropic-ratelimit-requests-reset': '2026-11-23T12:00:07Z',
      'anthropic-ratelimit-tokens-remaining': '5',
      'anthropic-ratelimit-tokens-reset': '2026-11-23T12:01:00Z',
    }
    expect(decodeError(429, (name) => headers[name], '{}', NOW).retryAfterMs).toBe(7000)
  })
})

describe('an error for a client', () => {
  const types: readonly (readonly [ErrorCode, string])[] = [
    ['authentication', 'authentication_error'],
    ['payment_required', 'billing_error'],
    ['permission_denied', 'permission_error'],
    ['not_found', 'not_found_error'],
    ['rate_limit_exceeded', 'rate_limit_error'],
    ['provider_overloaded', 'overloaded_error'],
    ['provider_timeout', 'timeout_error'],
    ['invalid_request', 'invalid_request_error'],
    ['context_length_exceeded', 'invalid_request_error'],
    ['server', 'api_error'],
    ['provider_unavailable', 'api_error'],
  ]
  test.each(types)('%s stands in the envelope as %s', (code, type) => {
    const { status, body } = encodeError(new GatewayError(code, 'Why and what now.'), 'gen-7')
    expect(status).toBe(ERRORS[code].status)
    expect(body).toMatchObject({
      type: 'error',
      error: { type, message: 'Why and what now.', error_type: ERRORS[code].type, error_code: code },
      request_id: 'gen-7',
    })
  })

  test('without a generation has no request id', () => {
    expect(encodeError(new GatewayError('server', 'x'), null).body.request_id).toBeNull()
  })
})
