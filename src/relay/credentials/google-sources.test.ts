import { describe, expect, test } from 'vitest'
import { type GoogleIdentity, GoogleToken } from '../google-token.ts'
import { later, type Reply, type Seen, service, surroundings } from './loopback.fixture.ts'

const HOUR = 3_600_000
const named: GoogleIdentity = { file: '/adc.json', usualFile: null, metadataHost: null }

function tokenFor(
  file: object | null,
  files: Record<string, string> = {},
  identity: Partial<GoogleIdentity> = {},
) {
  const around = surroundings({ ...files, ...(file && { '/adc.json': JSON.stringify(file) }) })
  return { token: new GoogleToken({ ...named, ...identity }, around), ...around }
}

async function found(...given: Parameters<typeof tokenFor>): Promise<string> {
  const { token } = tokenFor(...given)
  await token.ready()
  return token.value
}

const failure = async (...given: Parameters<typeof tokenFor>): Promise<{ code: string; message: string }> =>
  Promise.resolve(tokenFor(...given).token.ready()).then(
    () => expect.unreachable(),
    (error) => error,
  )

const formOf = ({ body }: Seen) => Object.fromEntries(new URLSearchParams(body))

/** Google's services in one: exchange, impersonation, refresh, and a machine's metadata. */
const google = (answers: Readonly<Record<string, Reply>> = {}) =>
  service(({ path }) => {
    const [place] = path.split('?') as [string]
    if (answers[place]) return answers[place]
    if (place === '/impersonate') return { body: { accessToken: 'as-robot', expireTime: later(HOUR) } }
    return { body: { access_token: `from ${place.slice(1)}`.replace(' ', '-'), expires_in: 3599 } }
  })

describe('workload identity federation', () => {
  const external = (url: string, source: object, more: object = {}) => ({
    type: 'external_account',
    audience: '//iam.googleapis.com/projects/1/locations/global/workloadIdentityPools/p/providers/x',
    subject_token_type: 'urn:ietf:params:oauth:token-type:jwt',
    token_url: `${url}/exchange`,
    credential_source: source,
    ...more,
  })

  test('exchanges the token of a file for one of Google', async () => {
    const { url, seen } = await google()
    const file = external(url, { file: '/var/run/token' })
    expect(await found(file, { '/var/run/token': 'subject\n' })).toBe('from-exchange')
    expect(formOf(seen[0]!)).toEqual({
      grant_type: 'urn:ietf:params:oauth:grant-type:token-exchange',
      audience: file.audience,
      scope: 'https://www.googleapis.com/auth/cloud-platform',
      requested_token_type: 'urn:ietf:params:oauth:token-type:access_token',
      subject_token: 'subject',
      subject_token_type: 'urn:ietf:params:oauth:token-type:jwt',
    })
  })

  test('reads the token out of JSON, from a file or an address that is asked with its headers', async () => {
    const { url, seen } = await google({ '/identity': { body: { value: 'from-azure' } } })
    const format = { type: 'json', subject_token_field_name: 'value' }
    const inFile = external(url, { file: '/t', format })
    await found(inFile, { '/t': '{"value":"from-file"}' })
    await found(external(url, { url: `${url}/identity?v=1`, headers: { Metadata: 'True' }, format }))
    expect(seen.map(({ path }) => path)).toEqual(['/exchange', '/identity?v=1', '/exchange'])
    expect([formOf(seen[0]!)['subject_token'], formOf(seen[2]!)['subject_token']]).toEqual([
      'from-file',
      'from-azure',
    ])
    expect(seen[1]!.headers['metadata']).toBe('True')
  })

  test('speaks for a service account where the file says so', async () => {
    const { url, seen } = await google()
    const more = { service_account_impersonation_url: `${url}/impersonate` }
    expect(await found(external(url, { file: '/t' }, more), { '/t': 's' })).toBe('as-robot')
    expect(seen[1]).toMatchObject({
      method: 'POST',
      path: '/impersonate',
      headers: { authorization: 'Bearer from-exchange' },
    })
    expect(JSON.parse(seen[1]!.body)).toEqual({
      scope: ['https://www.googleapis.com/auth/cloud-platform'],
      lifetime: '3600s',
    })
  })

  test('reads the file anew for every exchange, before the token ends', async () => {
    const { url, seen } = await google()
    const { token, clock, files } = tokenFor(external(url, { file: '/t' }), { '/t': 'one' })
    await token.ready()
    files['/t'] = 'two'
    clock.ms = 56 * 60_000
    expect(token.ready()).toBeNull()
    await expect.poll(() => seen.length).toBe(2)
    expect(formOf(seen[1]!)['subject_token']).toBe('two')
  })

  test.each<[string, object, RegExp]>([
    ['AWS as its source', { environment_id: 'aws1' }, /AWS or a command, which is not supported/],
    ['a command as its source', { executable: { command: 'x' } }, /AWS or a command, which is not supported/],
    ['no source', {}, /neither a file nor an address/],
    ['a source in plain text', { url: 'http://evil.example/t' }, /names a url without https/],
    ['a file that is not there', { file: '/nowhere' }, /gave no token/],
  ])('with %s is refused by a sentence', async (_, source, sentence) => {
    const { url, seen } = await google()
    expect((await failure(external(url, source))).message).toMatch(sentence)
    expect(seen).toEqual([])
  })

  test('that Google refuses is told by the code alone', async () => {
    const refusal = { status: 400, body: { error: 'invalid_grant', error_description: 'SECRET' } }
    const { url } = await google({ '/exchange': refusal })
    const { code, message } = await failure(external(url, { file: '/t' }), { '/t': 's' })
    expect([code, message.includes('(invalid_grant)'), message.includes('SECRET')]).toEqual([
      'provider_auth',
      true,
      false,
    ])
  })
})

test('one account speaks for another', async () => {
  const { url, seen } = await google()
  const user = {
    type: 'authorized_user',
    client_id: 'i',
    client_secret: 's',
    refresh_token: 'r',
    token_uri: `${url}/refresh`,
  }
  const file = {
    type: 'impersonated_service_account',
    service_account_impersonation_url: `${url}/impersonate`,
    delegates: ['projects/-/serviceAccounts/between'],
    source_credentials: user,
  }
  expect(await found(file)).toBe('as-robot')
  expect(seen[1]!.headers['authorization']).toBe('Bearer from-refresh')
  expect(JSON.parse(seen[1]!.body)).toMatchObject({ delegates: file.delegates })
  const denied = await google({
    '/impersonate': { status: 403, body: { error: { status: 'PERMISSION_DENIED' } } },
  })
  const refused = { ...file, service_account_impersonation_url: `${denied.url}/impersonate` }
  expect((await failure(refused)).message).toContain('(PERMISSION_DENIED)')
})

describe('without a file that is named', () => {
  const PLACE = '/computeMetadata/v1/instance/service-accounts/default/token'

  test('the login that gcloud has left is taken', async () => {
    const { url } = await google()
    const user = { type: 'authorized_user', client_id: 'i', client_secret: 's', refresh_token: 'r' }
    const files = { '/usual.json': JSON.stringify({ ...user, token_uri: `${url}/refresh` }) }
    expect(await found(null, files, { file: null, usualFile: '/usual.json' })).toBe('from-refresh')
    const counted = JSON.stringify({ ...user, token_uri: `${url}/refresh`, quota_project_id: 'my-project' })
    const { token } = tokenFor(null, { '/usual.json': counted }, { file: null, usualFile: '/usual.json' })
    await token.ready()
    expect(token.headers).toEqual([
      ['authorization', 'Bearer from-refresh'],
      ['x-goog-user-project', 'my-project'],
    ])
  })

  test('the account of the machine is taken, and renewed before its end', async () => {
    let n = 0
    const { url, seen } = await service(() => ({ body: { access_token: `vm-${++n}`, expires_in: 1200 } }))
    const { token, clock } = tokenFor(
      null,
      {},
      {
        file: null,
        usualFile: '/nowhere',
        metadataHost: new URL(url).host,
      },
    )
    await token.ready()
    expect(seen[0]).toMatchObject({ path: PLACE, headers: { 'metadata-flavor': 'Google' } })
    clock.ms = 14 * 60_000
    expect(token.ready()).toBeNull()
    clock.ms = 16 * 60_000
    expect(token.ready()).toBeNull()
    expect(token.value).toBe('vm-1')
    await expect.poll(() => token.value).toBe('vm-2')
  })

  test('nobody being there is told with what to do', async () => {
    const { url } = await service(() => null)
    const identity = { file: null, metadataHost: new URL(url).host }
    expect(await failure(null, {}, identity)).toMatchObject({
      code: 'provider_auth',
      message: expect.stringContaining('gcloud auth application-default login'),
    })
    expect((await failure(null, {}, { file: null, metadataHost: 'evil.example' })).message).toContain(
      'no address of this machine',
    )
  })
})
