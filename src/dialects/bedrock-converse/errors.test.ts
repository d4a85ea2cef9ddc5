import { describe, expect, test } from 'vitest'
import { constructedCases, recordedCases, responseBytes } from '../../../test/fixtures.ts'
import { decodeError, decodeException } from './errors.ts'

const read = (status: number, message: string, type?: string, extra: Record<string, string> = {}) => {
  const headers: Record<string, string> = {
    ...extra,
    ...(type !== undefined && { 'x-amzn-errortype': type }),
  }
  return decodeError(status, (name) => headers[name], JSON.stringify({ message }), 0)
}

describe('an error of Bedrock is', () => {
  test.each([
    [429, 'ThrottlingException', 'Too many tokens, please wait.', 'rate_limit_exceeded'],
    [400, 'ServiceQuotaExceededException', 'Quota.', 'rate_limit_exceeded'],
    [429, 'ModelNotReadyException', 'Not ready.', 'provider_overloaded'],
    [503, 'ServiceUnavailableException', 'Busy.', 'provider_overloaded'],
    [408, 'ModelTimeoutException', 'Slow.', 'provider_timeout'],
    [424, 'ModelErrorException', 'Broken.', 'provider_unavailable'],
    [500, 'InternalServerException', 'Broken.', 'provider_unavailable'],
    [403, 'AccessDeniedException', 'User is not authorized to perform: bedrock:InvokeModel', 'provider_auth'],
    [
      403,
      'AccessDeniedException',
      "You don't have access to the model with the specified model ID.",
      'provider_not_found',
    ],
    [
      403,
      'UnrecognizedClientException',
      'The security token included in the request is invalid.',
      'provider_auth',
    ],
    [
      403,
      'InvalidSignatureException',
      'The request signature we calculated does not match.',
      'provider_auth',
    ],
    [404, 'ResourceNotFoundException', 'No such model.', 'provider_not_found'],
    [400, 'ValidationException', 'The provided model identifier is invalid.', 'provider_not_found'],
    [400, 'ValidationException', 'Input is too long for requested model.', 'context_length_exceeded'],
    [
      400,
      'ValidationException',
      'The maximum tokens you requested exceeds the model limit of 4096.',
      'max_tokens_exceeded',
    ],
    [400, 'ValidationException', 'messages.0: blank', 'invalid_request'],
  ] as const)('%i %s "%s" → %s', (status, type, message, code) => {
    expect(read(status, message, type)).toMatchObject({ code, status, message, providerCode: type })
  })

  test('named in the body too, and told in capitals by older servers', () => {
    const body = JSON.stringify({
      __type: 'com.amazon.coral.service#ThrottlingException',
      Message: 'Slow down.',
    })
    expect(decodeError(400, () => undefined, body, 0)).toMatchObject({
      code: 'rate_limit_exceeded',
      message: 'Slow down.',
      providerCode: 'ThrottlingException',
    })
    expect(decodeError(502, () => undefined, '<html><title>Bad Gateway</title>', 0)).toMatchObject({
      code: 'provider_unavailable',
      message: 'Bad Gateway',
    })
  })

  test('one to wait for as long as it says', () => {
    expect(read(429, 'x', 'ThrottlingException', { 'retry-after': '3' }).retryAfterMs).toBe(3000)
    expect(read(429, 'x', 'ThrottlingException').retryAfterMs).toBeNull()
  })

  test('the same inside a stream, with status 200', () => {
    expect(decodeException('validationException', { message: 'Input is too long.' })).toMatchObject({
      code: 'context_length_exceeded',
      status: 200,
      providerCode: 'ValidationException',
    })
    expect(decodeException('modelStreamErrorException', {}).message).toContain('modelStreamErrorException')
    expect(decodeException('someNewException', {}).code).toBe('provider_unavailable')
  })
})

test('recorded and constructed errors are read', () => {
  const cases = [...recordedCases(), ...constructedCases()].filter(
    ({ dialect, response }) => dialect === 'bedrock-converse' && response.status >= 400,
  )
  const codes: Record<number, string> = {
    400: 'invalid_request',
    403: 'provider_auth',
    429: 'rate_limit_exceeded',
    503: 'provider_overloaded',
  }
  for (const recorded of cases) {
    const { status, headers, body } = recorded.response
    const error = decodeError(status, (name) => headers[name], responseBytes(recorded).toString(), 0)
    expect(error, recorded.id).toMatchObject({
      code: codes[status],
      message: (body as { message: string }).message,
    })
  }
})
