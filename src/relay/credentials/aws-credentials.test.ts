import { createHash } from 'node:crypto'
import { describe, expect, test } from 'vitest'
import { AwsCredentials } from './aws-credentials.ts'
import { words } from './aws-local.ts'
import { later, type Reply, type Seen, service, surroundings } from './loopback.fixture.ts'

const HOUR = 3_600_000
const CONFIG = '/home/me/.aws/config'
const CREDENTIALS = '/home/me/.aws/credentials'

const keysOf = (n: number, endsAt: number) => ({
  AccessKeyId: `AK${n}`,
  SecretAccessKey: `SK${n}`,
  Token: `T${n}`,
  Expiration: later(endsAt),
})

/** An answer of the token service. */
const role = (n: number, endsAt = HOUR): Reply => ({
  body: `<R><Credentials><AccessKeyId>AK${n}</AccessKeyId><SecretAccessKey>SK${n}</SecretAccessKey>
    <SessionToken>T${n}</SessionToken><Expiration>${later(endsAt)}</Expiration></Credentials></R>`,
})

function find(
  variables: Record<string, string>,
  files: Record<string, string> = {},
  profile: string | null = null,
) {
  const around = surroundings(files)
  const keys = new AwsCredentials(around).of('aws', {
    profile,
    region: 'eu-west-1',
    variables: { HOME: '/home/me', AWS_EC2_METADATA_DISABLED: 'true', ...variables },
  })
  return { keys, ...around }
}

async function found(...given: Parameters<typeof find>) {
  const { keys } = find(...given)
  await keys.ready()
  return keys.value
}

async function failure(...given: Parameters<typeof find>): Promise<{ code: string; message: string }> {
  const { keys } = find(...given)
  return Promise.resolve(keys.ready()).then(
    () => expect.unreachable(),
    (error) => error,
  )
}

const formOf = ({ body }: Seen) => Object.fromEntries(new URLSearchParams(body))

describe('keys in profiles', () => {
  const files = {
    [CONFIG]: `
# a comment
[default]
region = us-east-1
[profile dev]
aws_access_key_id = CONFIG
aws_secret_access_key = no
s3 =
    max_concurrent_requests = 20
[profile  spaced]
aws_access_key_id=SPACED
aws_secret_access_key=key # of the test`,
    [CREDENTIALS]: `[default]
aws_access_key_id = AKD
aws_secret_access_key = SKD
[dev]
aws_access_key_id = AKV
aws_secret_access_key = SKV
aws_session_token = TV`,
  }

  test('are those of the profile that is named, the default one else', async () => {
    expect(await found({}, files)).toEqual({ accessKeyId: 'AKD', secret: 'SKD', sessionToken: null })
    const dev = { accessKeyId: 'AKV', secret: 'SKV', sessionToken: 'TV' }
    expect(await found({ AWS_PROFILE: 'dev' }, files)).toEqual(dev)
    expect(await found({}, files, 'dev')).toEqual(dev)
    expect(await found({}, files, 'spaced')).toMatchObject({ accessKeyId: 'SPACED', secret: 'key' })
  })

  test('stand behind those of the environment, unless the configuration names the profile', async () => {
    const env = { AWS_ACCESS_KEY_ID: 'AKE', AWS_SECRET_ACCESS_KEY: 'SKE' }
    expect(await found(env, files)).toMatchObject({ accessKeyId: 'AKE' })
    expect(await found(env, files, 'dev')).toMatchObject({ accessKeyId: 'AKV' })
  })

  test('are looked for where the environment says, and read again when they may have changed', async () => {
    const env = { AWS_SHARED_CREDENTIALS_FILE: '/elsewhere' }
    const { keys, clock, files: all } = find(env, { '/elsewhere': files[CREDENTIALS] })
    await keys.ready()
    all['/elsewhere'] = files[CREDENTIALS].replace('AKD', 'NEW')
    clock.ms = 12 * 60_000
    expect(keys.ready()).toBeNull()
    await expect.poll(() => keys.value.accessKeyId).toBe('NEW')
  })

  test('that are not there are told by the name of the profile', async () => {
    expect(await failure({}, files, 'prod')).toMatchObject({
      code: 'provider_auth',
      message: expect.stringContaining('The AWS profile prod is in neither'),
    })
    const bare = { [CONFIG]: '[profile bare]\nregion = eu-west-1' }
    expect((await failure({}, bare, 'bare')).message).toContain('says nothing of keys')
  })
})

describe('a role', () => {
  const BASE = '[base]\naws_access_key_id = AKB\naws_secret_access_key = SKB\n'

  test('is taken by the keys of its source profile, by a signed call', async () => {
    const sts = await service(() => role(1))
    const config = `[profile app]
role_arn = arn:aws:iam::1:role/app
source_profile = base
external_id = x1
duration_seconds = 900
role_session_name = me`
    const files = { [CONFIG]: config, [CREDENTIALS]: BASE }
    const env = { AWS_ENDPOINT_URL_STS: sts.url }
    expect(await found(env, files, 'app')).toEqual({ accessKeyId: 'AK1', secret: 'SK1', sessionToken: 'T1' })
    expect(formOf(sts.seen[0]!)).toEqual({
      Action: 'AssumeRole',
      Version: '2011-06-15',
      RoleArn: 'arn:aws:iam::1:role/app',
      RoleSessionName: 'me',
      ExternalId: 'x1',
      DurationSeconds: '900',
    })
    expect(sts.seen[0]!.headers['authorization']).toMatch(
      /^AWS4-HMAC-SHA256 Credential=AKB\/20260101\/eu-west-1\/sts\/aws4_request/,
    )
  })

  test('is taken through a chain of profiles, also by its own keys', async () => {
    const sts = await service(({ headers }) => role(headers['authorization']!.includes('AK1/') ? 2 : 1))
    const config = `[profile far]
role_arn = arn:aws:iam::2:role/far
source_profile = near
[profile near]
role_arn = arn:aws:iam::1:role/near
source_profile = near
aws_access_key_id = AKN
aws_secret_access_key = SKN`
    const env = { AWS_ENDPOINT_URL_STS: sts.url }
    expect(await found(env, { [CONFIG]: config }, 'far')).toMatchObject({ accessKeyId: 'AK2' })
    expect(sts.seen.map((seen) => formOf(seen)['RoleArn'])).toEqual([
      'arn:aws:iam::1:role/near',
      'arn:aws:iam::2:role/far',
    ])
  })

  test('is taken by keys of the environment', async () => {
    const sts = await service(() => role(1))
    const config = '[profile app]\nrole_arn = arn:aws:iam::1:role/app\ncredential_source = Environment'
    const env = {
      AWS_ENDPOINT_URL_STS: sts.url,
      AWS_ACCESS_KEY_ID: 'AKE',
      AWS_SECRET_ACCESS_KEY: 'SKE',
    }
    expect(await found(env, { [CONFIG]: config }, 'app')).toMatchObject({ accessKeyId: 'AK1' })
    expect(sts.seen[0]!.headers['authorization']).toContain('AKE/')
  })

  test.each([
    ['a circle', 'source_profile = b\n[profile b]\nrole_arn = r\nsource_profile = a', /leads in a circle/],
    ['a second factor', 'source_profile = base\nmfa_serial = arn', /second factor \(mfa_serial\)/],
    ['nobody to take it', 'region = x', /no usable source_profile/],
  ])('with %s is refused by a sentence', async (_, rest, sentence) => {
    const files = { [CONFIG]: `[profile a]\nrole_arn = r\n${rest}`, [CREDENTIALS]: BASE }
    expect((await failure({}, files, 'a')).message).toMatch(sentence)
  })

  test.each([
    [
      403,
      '<Error><Code>AccessDenied</Code><Message>SECRET</Message></Error>',
      'provider_auth',
      /\(AccessDenied\)/,
    ],
    [400, '<Error><Code>ExpiredToken</Code></Error>', 'provider_auth', /\(ExpiredToken\)/],
    [503, 'down', 'provider_unavailable', /didn't answer/],
    [200, '<R/>', 'provider_auth', /refused the role/],
  ])('that the service answers with %i %s is %s', async (status, body, code, sentence) => {
    const sts = await service(() => ({ status, body }))
    const files = { [CONFIG]: '[profile a]\nrole_arn = r\nsource_profile = base', [CREDENTIALS]: BASE }
    const error = await failure({ AWS_ENDPOINT_URL_STS: sts.url }, files, 'a')
    expect(error).toMatchObject({ code, message: expect.stringMatching(sentence) })
    expect(error.message).not.toContain('SECRET')
  })
})

describe('a web identity token', () => {
  const env = { AWS_WEB_IDENTITY_TOKEN_FILE: '/var/token', AWS_ROLE_ARN: 'arn:aws:iam::1:role/pod' }

  test('is exchanged without a signature, and read anew for every exchange', async () => {
    let n = 0
    const sts = await service(() => role(++n, n * HOUR))
    const { keys, clock, files } = find({ ...env, AWS_ENDPOINT_URL_STS: sts.url }, { '/var/token': 'one\n' })
    await keys.ready()
    expect(formOf(sts.seen[0]!)).toMatchObject({
      Action: 'AssumeRoleWithWebIdentity',
      RoleSessionName: 'waybill',
      WebIdentityToken: 'one',
    })
    expect(sts.seen[0]!.headers['authorization']).toBeUndefined()
    files['/var/token'] = 'two'
    clock.ms = 54 * 60_000
    expect(keys.ready()).toBeNull()
    expect(sts.seen).toHaveLength(1)
    clock.ms = 56 * 60_000
    expect(keys.ready()).toBeNull()
    expect(keys.value.accessKeyId).toBe('AK1')
    await expect.poll(() => keys.value.accessKeyId).toBe('AK2')
    expect(formOf(sts.seen[1]!)['WebIdentityToken']).toBe('two')
  })

  test('may stand in a profile, and is missed by a sentence', async () => {
    const sts = await service(() => role(1))
    const config = '[profile pod]\nrole_arn = r\nweb_identity_token_file = /var/token'
    const files = { [CONFIG]: config, '/var/token': 't' }
    expect(await found({ AWS_ENDPOINT_URL_STS: sts.url }, files, 'pod')).toMatchObject({ accessKeyId: 'AK1' })
    expect((await failure(env)).message).toContain('web identity token cannot be read')
  })
})

describe('a container', () => {
  test('is asked with its token', async () => {
    const agent = await service(() => ({ body: keysOf(1, HOUR) }))
    const env = { AWS_CONTAINER_CREDENTIALS_FULL_URI: `${agent.url}/v1/credentials?a=b` }
    const withFile = { ...env, AWS_CONTAINER_AUTHORIZATION_TOKEN_FILE: '/var/auth' }
    expect(await found(withFile, { '/var/auth': 'pod-token\n' })).toEqual({
      accessKeyId: 'AK1',
      secret: 'SK1',
      sessionToken: 'T1',
    })
    await found({ ...env, AWS_CONTAINER_AUTHORIZATION_TOKEN: 'plain' })
    expect(agent.seen.map(({ path, headers }) => [path, headers['authorization']])).toEqual([
      ['/v1/credentials?a=b', 'pod-token'],
      ['/v1/credentials?a=b', 'plain'],
    ])
  })

  test('is never asked in plain text over a network, nor with a token that splits headers', async () => {
    const evil = { AWS_CONTAINER_CREDENTIALS_FULL_URI: 'http://evil.example/keys' }
    expect((await failure(evil)).message).toContain('neither https nor an address of this machine')
    const agent = await service(() => ({ body: {} }))
    const env = {
      AWS_CONTAINER_CREDENTIALS_FULL_URI: agent.url,
      AWS_CONTAINER_AUTHORIZATION_TOKEN: 'a\r\nb: c',
    }
    expect((await failure(env)).message).toContain('no HTTP header can carry')
    expect(agent.seen).toHaveLength(0)
  })
})

describe('an instance', () => {
  const metadata = (answers: Partial<Record<string, Reply>>) =>
    service(({ method, path, headers }) => {
      if (method === 'PUT' && path === '/latest/api/token')
        return answers['token'] ?? { body: headers['x-aws-ec2-metadata-token-ttl-seconds'] ? 'session' : '' }
      if (headers['x-aws-ec2-metadata-token'] !== 'session') return { status: 401, body: '' }
      return answers[path] ?? { status: 404, body: '' }
    })
  const ROLES = '/latest/meta-data/iam/security-credentials/'
  const env = (url: string) => ({ AWS_EC2_METADATA_SERVICE_ENDPOINT: url, AWS_EC2_METADATA_DISABLED: '' })

  test('is asked by the second version of its service', async () => {
    const imds = await metadata({
      [ROLES]: { body: 'my-role' },
      [`${ROLES}my-role`]: { body: { Code: 'Success', ...keysOf(1, 6 * HOUR) } },
    })
    expect(await found(env(imds.url))).toEqual({ accessKeyId: 'AK1', secret: 'SK1', sessionToken: 'T1' })
    expect(imds.seen.map(({ method, path }) => `${method} ${path}`)).toEqual([
      'PUT /latest/api/token',
      `GET ${ROLES}`,
      `GET ${ROLES}my-role`,
    ])
  })

  test.each([
    ['without a role', {}],
    ['of the first version only', { token: { status: 405, body: '' } }],
  ])('%s is no source of keys, and all that was looked at is told', async (_, answers) => {
    const imds = await metadata(answers)
    const error = await failure(env(imds.url))
    expect(error).toMatchObject({
      code: 'provider_auth',
      message: expect.stringContaining('No AWS credentials'),
    })
  })

  test('is left in peace where the environment says so', async () => {
    const imds = await metadata({})
    await failure({ AWS_EC2_METADATA_SERVICE_ENDPOINT: imds.url, AWS_EC2_METADATA_DISABLED: 'TRUE' })
    expect(imds.seen).toEqual([])
  })

  test('whose service fails later is told as such', async () => {
    const imds = await metadata({ [ROLES]: { body: 'r' }, [`${ROLES}r`]: { status: 500, body: '' } })
    expect(await failure(env(imds.url))).toMatchObject({ code: 'provider_unavailable' })
  })
})

describe('a command', () => {
  const config = (script: string) => ({
    [CONFIG]: `[profile run]\ncredential_process = "${process.execPath}" -e "${script}" 'two words'`,
  })

  test('prints keys, and sees of the environment only what it needs', async () => {
    const script = `console.log(JSON.stringify({ Version: 1, AccessKeyId: process.argv[1] + process.env.AWS_X, SecretAccessKey: 'k' + Object.keys(process.env).filter((n) => /KEY/.test(n)).join(), Expiration: '${later(HOUR)}' }))`
    const keys = await found(
      { AWS_X: '!', PATH: process.env['PATH'] ?? '' },
      config(script.replaceAll('"', '\\"')),
      'run',
    )
    expect(keys.accessKeyId).toBe('two words!')
    expect(keys.secret).toBe('k')
  })

  test.each(['process.exit(3)', 'console.log(1)', 'console.error(`SECRET`);process.exit(1)'])(
    'that runs %s is told without what it said',
    async (script) => {
      const error = await failure({ PATH: process.env['PATH'] ?? '' }, config(script), 'run')
      expect(error.message).toContain('credential_process')
      expect(error.message).not.toContain('SECRET')
    },
  )

  test('is split into words without a shell', () => {
    expect(words(`/bin/x --a "b c" 'd "e"' f\\ g $(id) "q\\"r"`)).toEqual([
      '/bin/x',
      '--a',
      'b c',
      'd "e"',
      'f g',
      '$(id)',
      'q"r',
    ])
    expect(words('  ')).toEqual([])
  })
})

describe('a login of IAM Identity Center', () => {
  const config = `[profile sso]
sso_session = corp
sso_account_id = 123
sso_role_name = Dev
[sso-session corp]
sso_region = eu-central-1
sso_start_url = https://corp.awsapps.com/start`
  const cache = `/home/me/.aws/sso/cache/${createHash('sha1').update('corp').digest('hex')}.json`
  const login = (endsAt: number) => JSON.stringify({ accessToken: 'login', expiresAt: later(endsAt) })

  test('that is still good gives keys of its role', async () => {
    const portal = await service(() => ({
      body: {
        roleCredentials: {
          accessKeyId: 'AK1',
          secretAccessKey: 'SK1',
          sessionToken: 'T1',
          expiration: Date.parse(later(HOUR)),
        },
      },
    }))
    const files = { [CONFIG]: config, [cache]: login(HOUR) }
    expect(await found({ AWS_ENDPOINT_URL_SSO: portal.url }, files, 'sso')).toMatchObject({
      accessKeyId: 'AK1',
      sessionToken: 'T1',
    })
    expect(portal.seen[0]).toMatchObject({
      path: '/federation/credentials?account_id=123&role_name=Dev',
      headers: { 'x-amz-sso_bearer_token': 'login' },
    })
  })

  test('that has ended, or never was, says which command logs in again', async () => {
    for (const files of [{ [CONFIG]: config }, { [CONFIG]: config, [cache]: login(-1) }]) {
      expect((await failure({}, files, 'sso')).message).toContain('Run: aws sso login --profile sso')
    }
  })
})

test('keys are shared by all who ask for the same identity, and differ by region and profile', () => {
  const aws = new AwsCredentials(surroundings())
  const identity = { profile: null, region: 'eu-west-1', variables: {} }
  expect(aws.of('a', identity)).toBe(aws.of('a', { ...identity }))
  expect(aws.of('a', identity)).not.toBe(aws.of('a', { ...identity, region: 'us-east-1' }))
  expect(aws.of('a', identity)).not.toBe(aws.of('a', { ...identity, profile: 'p' }))
})
