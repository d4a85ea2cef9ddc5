import { describe, expect, test } from 'vitest'
import { constructedCases, hasFixtures, recordedCases, WITHOUT_FIXTURES } from '../../../test/fixtures.ts'
import { ERRORS, type ErrorCode, GatewayError } from '../../chat/index.ts'
import { gemini } from './index.ts'

const decode = (status: number, body: unknown) =>
  gemini.decodeError(status, () => undefined, JSON.stringify(body), 0)
const google = (code: number, status: string, message: string, details: object[] = []) => ({
  error: { code, message, status, details },
})

const EXPECTED: Readonly<Record<string, object>> = {
  'handles-context-length-exceeded': { code: 'rate_limit_exceeded', status: 429, retryAfterMs: 48_000 },
  'model-name-suggestion': { code: 'provider_not_found', status: 404 },
  'streaming-returns-usage-metrics': { code: 'provider_auth', status: 400, providerCode: 'API_KEY_INVALID' },
  'missing-model': { code: 'provider_not_found', status: 404 },
  'gemini-503-unavailable': { code: 'provider_overloaded', status: 503, providerCode: 'UNAVAILABLE' },
}

describe.skipIf(!hasFixtures)(`recorded errors (skipped when ${WITHOUT_FIXTURES})`, () => {
  const failures = [
    ...recordedCases().filter(({ folder }) => folder === 'gemini' || folder === 'vertex'),
    ...constructedCases().filter(({ id }) => id.includes('gemini')),
  ].filter(({ response }) => response.status >= 400)

  test('are all there', () => {
    expect(failures).toHaveLength(Object.keys(EXPECTED).length)
  })

  test.each(failures.map((recorded) => [recorded.id, recorded] as const))('%s', (id, { response }) => {
    const [, expected] = Object.entries(EXPECTED).find(([name]) => id.includes(name))!
    const header = (name: string) => response.headers[name]
    const body = JSON.stringify(response.body)
    expect(gemini.decodeError(response.status, header, body, 0)).toMatchObject(expected)
    // A stream that fails may answer with a list.
    expect(gemini.decodeError(response.status, header, `[${body}]`, 0)).toMatchObject(expected)
  })
})

describe('an error of Google', () => {
  test.each([
    [
      400,
      'INVALID_ARGUMENT',
      'The input token count (2) exceeds the maximum number of tokens allowed (1).',
      'context_length_exceeded',
    ],
    [400, 'FAILED_PRECONDITION', 'User location is not supported for the API use.', 'provider_auth'],
    [400, 'FAILED_PRECONDITION', 'Please enable billing on project 1.', 'provider_payment'],
    [400, 'INVALID_ARGUMENT', 'Unknown name "x".', 'invalid_request'],
    [403, 'PERMISSION_DENIED', 'No.', 'provider_auth'],
    [429, 'RESOURCE_EXHAUSTED', 'Resource has been exhausted (e.g. check quota).', 'rate_limit_exceeded'],
    [499, 'CANCELLED', 'The operation was cancelled.', 'provider_unavailable'],
    [500, 'INTERNAL', 'An internal error has occurred.', 'provider_unavailable'],
    [504, 'DEADLINE_EXCEEDED', 'Deadline expired.', 'provider_timeout'],
  ])('%i %s "%s" is %s', (code, status, message, expected) => {
    expect(decode(code, google(code, status, message))).toMatchObject({ code: expected, message })
  })

  test('inside a stream ends it, with its wait', () => {
    const decoder = gemini.createStreamDecoder()
    const push = (chunk: object) => decoder.push({ kind: 'sse', event: null, data: JSON.stringify(chunk) })
    push({ candidates: [{ content: { parts: [{ text: 'Hi' }] } }] })
    const wait = [{ '@type': 'type.googleapis.com/google.rpc.RetryInfo', retryDelay: '3.5s' }]
    expect(push(google(429, 'RESOURCE_EXHAUSTED', 'Slow down.', wait))).toEqual([
      {
        type: 'error',
        error: {
          code: 'rate_limit_exceeded',
          status: 200,
          message: 'Slow down.',
          providerCode: 'RESOURCE_EXHAUSTED',
          retryAfterMs: 3500,
        },
      },
    ])
    expect([...push({ candidates: [] }), ...decoder.end()]).toEqual([])
  })

  test('below a good status counts by its own code', () => {
    expect(decode(200, [google(404, 'NOT_FOUND', 'No such model.')])).toMatchObject({
      code: 'provider_not_found',
      status: 200,
    })
  })

  test('in plain text or HTML is told too', () => {
    expect(gemini.decodeError(502, () => undefined, '<html><title>Bad</title></html>', 0)).toMatchObject({
      code: 'provider_unavailable',
      message: 'Bad',
    })
  })
})

describe('an error for a client', () => {
  test('stands in Google’s envelope with id, page and wait', () => {
    const error = new GatewayError('rate_limit_exceeded', 'Too many.', {
      retryAfterMs: 1200,
      metadata: { limits: [1], param: null },
    })
    expect(gemini.encodeError(error, 'gen-1')).toEqual({
      status: 429,
      body: {
        error: {
          code: 429,
          message: 'Too many.',
          status: 'RESOURCE_EXHAUSTED',
          details: [
            {
              '@type': 'type.googleapis.com/google.rpc.ErrorInfo',
              reason: 'RATE_LIMIT_EXCEEDED',
              domain: 'waybill',
              metadata: {
                error_type: 'rate_limit_exceeded',
                limits: '[1]',
                generation_id: 'gen-1',
                doc: '/docs/errors.md#rate_limit_exceeded',
              },
            },
            { '@type': 'type.googleapis.com/google.rpc.RetryInfo', retryDelay: '2s' },
          ],
        },
      },
    })
  })

  test('of any kind has the status that its code says, and a name for it', () => {
    for (const code of Object.keys(ERRORS) as ErrorCode[]) {
      const { status, body } = gemini.encodeError(new GatewayError(code, 'x'), null)
      const { error } = body as { error: { code: number; status: string } }
      expect([status, error.code]).toEqual([ERRORS[code].status, ERRORS[code].status])
      expect(error.status).toMatch(/^[A-Z_]+$/)
    }
  })
})
