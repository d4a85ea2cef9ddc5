import { GatewayError } from '../../chat/index.ts'
import { signAws } from '../sign-aws.ts'
import type { AwsKeys } from './aws-profile.ts'
import { type Network, question } from './network.ts'
import type { Fresh } from './renewed.ts'

/** Name of the session where the role names none; shown in the account's logs. */
const SESSION = 'waybill'

export interface RoleRequest {
  readonly roleArn: string
  readonly sessionName: string | null
  readonly region: string
  /** `AWS_ENDPOINT_URL_STS`, or null. */
  readonly endpoint: string | null
  readonly nowMs: number
}

/** Keys of a role, for keys that may take it. Source: AWS STS API reference, AssumeRole. */
export function assumeRole(
  network: Network,
  request: RoleRequest,
  { accessKeyId, secret, sessionToken }: AwsKeys,
  extra: Readonly<Record<string, string>>,
): Promise<Fresh<AwsKeys>> {
  const { region, nowMs } = request
  return call(network, request, 'AssumeRole', extra, (url, body) =>
    Object.fromEntries(
      signAws({
        method: 'POST',
        url: url.href,
        headers: [],
        body,
        region,
        service: 'sts',
        accessKeyId,
        secret,
        sessionToken,
        nowMs,
      }),
    ),
  )
}

/** Keys of a role, for a token of somebody whom the account trusts (EKS, CI). Source: AWS STS API reference. */
export function assumeRoleWithToken(
  network: Network,
  request: RoleRequest,
  token: string,
): Promise<Fresh<AwsKeys>> {
  return call(network, request, 'AssumeRoleWithWebIdentity', { WebIdentityToken: token }, () => ({}))
}

async function call(
  network: Network,
  { roleArn, sessionName, region, endpoint, nowMs }: RoleRequest,
  action: string,
  extra: Readonly<Record<string, string>>,
  sign: (url: URL, body: string) => Record<string, string>,
): Promise<Fresh<AwsKeys>> {
  const ending = region.startsWith('cn-') ? 'amazonaws.com.cn' : 'amazonaws.com'
  const url = new URL(endpoint ?? `https://sts.${region}.${ending}/`)
  const fields = {
    Action: action,
    Version: '2011-06-15',
    RoleArn: roleArn,
    RoleSessionName: sessionName ?? SESSION,
  }
  const body = new URLSearchParams({ ...fields, ...extra }).toString()
  const headers = { accept: '*/*', 'content-type': 'application/x-www-form-urlencoded', ...sign(url, body) }
  const answer = await question(network, { url, method: 'POST', headers, body })
  if (answer === null || answer.status >= 500 || answer.status === 429) {
    throw new GatewayError(
      'provider_unavailable',
      "AWS gave no keys for the role: its token service didn't answer.",
    )
  }
  const keys = answer.status === 200 ? readKeys(answer.text, nowMs) : null
  if (keys !== null) return keys
  const code = /<Code>(\w{1,64})<\/Code>/.exec(answer.text)?.[1]
  throw new GatewayError(
    'provider_auth',
    `AWS refused the role${code === undefined ? '' : ` (${code})`}. Check its trust policy and role_arn, and this machine's clock.`,
  )
}

/** The answer is XML, whatever is asked for. */
function readKeys(xml: string, nowMs: number): Fresh<AwsKeys> | null {
  const value = (name: string) =>
    new RegExp(`<${name}>([^<]{1,8192})</${name}>`).exec(xml)?.[1]?.trim() ?? null
  const [accessKeyId, secret, sessionToken] = [
    value('AccessKeyId'),
    value('SecretAccessKey'),
    value('SessionToken'),
  ]
  const endsAt = Date.parse(value('Expiration') ?? '')
  if (accessKeyId === null || secret === null || Number.isNaN(endsAt)) return null
  return { value: { accessKeyId, secret, sessionToken }, forMs: endsAt - nowMs }
}
