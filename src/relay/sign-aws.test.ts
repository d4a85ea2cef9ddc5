import { describe, expect, test } from 'vitest'
import { type AwsRequest, signAws } from './sign-aws.ts'

/** Credentials and time of AWS's published test suite. */
const SUITE: AwsRequest = {
  method: 'GET',
  url: 'https://example.amazonaws.com/',
  headers: [],
  body: '',
  region: 'us-east-1',
  service: 'service',
  accessKeyId: 'AKIDEXAMPLE',
  secret: 'wJalrXUtnFEMI/K7MDENG+bPxRfiCYEXAMPLEKEY',
  sessionToken: null,
  nowMs: Date.UTC(2015, 7, 30, 12, 36),
}

const authorization = (more: Partial<AwsRequest>): string =>
  new Map(signAws({ ...SUITE, ...more })).get('authorization')!
const signature = (more: Partial<AwsRequest>): string => authorization(more).split('Signature=')[1]!

describe("signatures equal those of AWS's test suite", () => {
  test.each<[string, Partial<AwsRequest>, string]>([
    ['get-vanilla', {}, '5fa00fa31553b73ebf1942676e86291e8372ff2a2260956d9b8aae1d763fbf31'],
    ['post-vanilla', { method: 'POST' }, '5da7c1a2acd57cee7505fc6676e4e544621c30862966e37dddb68e92efbe5d6b'],
    [
      'get-vanilla-query-order-key-case',
      { url: 'https://example.amazonaws.com/?Param2=value2&Param1=value1' },
      'b97d918cfa904a5beff61c982a1b6f458b799221646efd99d3219ec94cdf2500',
    ],
    [
      'post-x-www-form-urlencoded',
      {
        method: 'POST',
        headers: [['content-type', 'application/x-www-form-urlencoded']],
        body: 'Param1=value1',
      },
      'ff11897932ad3f4e8b18135d722051e5ac45fc38421b1da7b9d196a0fe09473a',
    ],
    [
      'the example of the user guide',
      {
        url: 'https://iam.amazonaws.com/?Action=ListUsers&Version=2010-05-08',
        headers: [['content-type', 'application/x-www-form-urlencoded; charset=utf-8']],
        service: 'iam',
      },
      '5d672d79c15b13162d9279b0855cfba6789a8edb4c82c400e06b5924a6f2b5d7',
    ],
  ])('%s', (_, request, expected) => {
    expect(signature(request)).toBe(expected)
  })
})

describe('a request to Bedrock', () => {
  const bedrock: Partial<AwsRequest> = {
    method: 'POST',
    service: 'bedrock',
    url: 'https://bedrock-runtime.us-east-1.amazonaws.com/model/anthropic.claude-v1%3A0/converse',
    headers: [['content-type', 'application/json']],
    body: '{"messages":[]}',
  }

  test('names what it signed and for whom', () => {
    expect(authorization(bedrock)).toMatch(
      /^AWS4-HMAC-SHA256 Credential=AKIDEXAMPLE\/20150830\/us-east-1\/bedrock\/aws4_request, SignedHeaders=content-type;host;x-amz-date, Signature=[0-9a-f]{64}$/,
    )
  })

  test('carries the session, which is signed too', () => {
    const headers = new Map(signAws({ ...SUITE, ...bedrock, sessionToken: 'token' }))
    expect(headers.get('x-amz-security-token')).toBe('token')
    expect(headers.get('x-amz-date')).toBe('20150830T123600Z')
    expect(headers.get('authorization')).toContain('host;x-amz-date;x-amz-security-token')
  })

  test('changes its signature with every part of it', () => {
    const changes: Partial<AwsRequest>[] = [
      { body: '{}' },
      { method: 'PUT' },
      { url: `${bedrock.url}-stream` },
      { url: bedrock.url!.replace('%3A', ':') },
      { headers: [['content-type', 'text/plain']] },
      { region: 'eu-central-1' },
      { secret: 'other' },
      { sessionToken: 'x' },
      { nowMs: SUITE.nowMs + 1000 },
    ]
    const all = [{}, ...changes].map((change) => signature({ ...bedrock, ...change }))
    expect(new Set(all).size).toBe(all.length)
  })
})
