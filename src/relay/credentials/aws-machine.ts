import { GatewayError } from '../../chat/index.ts'
import type { Answer } from '../ask.ts'
import type { AwsKeys } from './aws-profile.ts'
import { members, type Network, question, safeUrl, textOf } from './network.ts'
import type { Fresh } from './renewed.ts'

/** An instance answers within milliseconds; elsewhere nobody does, and the wait must be short, ms. */
const INSTANCE_MS = 1_000
const CONTAINER_MS = 2_000
const TOKEN_SECONDS = 21_600

/** Address of an ECS task's credentials; the environment gives the path. */
const TASK = 'http://169.254.170.2'
const INSTANCE = 'http://169.254.169.254'

const refused = (sentence: string): GatewayError => new GatewayError('provider_auth', sentence)

/**
 * Keys of a container's task or pod (ECS, EKS Pod Identity). Source: AWS SDKs and Tools reference guide, "Container
 * credential provider".
 * @param uri `AWS_CONTAINER_CREDENTIALS_FULL_URI`, or the path of `…_RELATIVE_URI`
 * @param authorization the header's value, or null
 */
export async function containerKeys(
  network: Network,
  uri: string,
  authorization: string | null,
  nowMs: number,
): Promise<Fresh<AwsKeys>> {
  const url = safeUrl(uri.startsWith('/') ? TASK + uri : uri)
  if (url === null)
    throw refused('AWS_CONTAINER_CREDENTIALS_FULL_URI is neither https nor an address of this machine.')
  if (authorization !== null && !/^[\x20-\x7e]+$/.test(authorization)) {
    throw refused("The container's authorization token holds a character that no HTTP header can carry.")
  }
  const headers: Record<string, string> = authorization === null ? {} : { authorization }
  const answer = await question(network, { url, headers, timeoutMs: CONTAINER_MS })
  return read(answer, nowMs, 'The container gave no AWS keys')
}

/**
 * Keys of the instance's role, by the second version of the metadata service. Source: EC2 user guide, "Use IMDSv2".
 * @param endpoint `AWS_EC2_METADATA_SERVICE_ENDPOINT`, or null
 * @returns null when this machine is no instance, or has no role
 */
export async function instanceKeys(
  network: Network,
  endpoint: string | null,
  nowMs: number,
): Promise<Fresh<AwsKeys> | null> {
  const base = safeUrl(endpoint ?? INSTANCE)
  if (base === null) throw refused('AWS_EC2_METADATA_SERVICE_ENDPOINT is no address of this machine.')
  const at = (path: string) => new URL(`/latest/${path}`, base)
  const session = await question(network, {
    url: at('api/token'),
    method: 'PUT',
    headers: { accept: '*/*', 'x-aws-ec2-metadata-token-ttl-seconds': String(TOKEN_SECONDS) },
    body: '',
    timeoutMs: INSTANCE_MS,
  })
  if (session?.status !== 200 || !/^[\x21-\x7e]{1,1024}$/.test(session.text.trim())) return null
  const headers = { accept: '*/*', 'x-aws-ec2-metadata-token': session.text.trim() }
  const ask = (path: string) => question(network, { url: at(path), headers, timeoutMs: INSTANCE_MS })
  const roles = await ask('meta-data/iam/security-credentials/')
  const role = roles?.status === 200 ? roles.text.split('\n')[0]!.trim() : ''
  if (!/^[\w+=,.@-]{1,128}$/.test(role)) return null
  return read(
    await ask(`meta-data/iam/security-credentials/${role}`),
    nowMs,
    "The instance's role gave no AWS keys",
  )
}

/** Both services, and commands that hand out keys, answer with the same members. */
export function read(answer: Answer | null, nowMs: number, failure: string): Fresh<AwsKeys> {
  if (answer === null || answer.status >= 500 || answer.status === 429) {
    throw new GatewayError('provider_unavailable', `${failure}: the service did not answer.`)
  }
  const keys = answer.status === 200 ? keysOf(answer.body, nowMs) : null
  if (keys === null) throw refused(`${failure}: the service answered with status ${answer.status}.`)
  return keys
}

/** Keys that are read again after so long though they do not run out: somebody may have changed them, ms. */
export const REREAD_MS = 15 * 60_000

/** Null when there are no keys in it. */
export function keysOf(body: unknown, nowMs: number): Fresh<AwsKeys> | null {
  const said = members(body)
  const text = (name: string) => textOf(said[name])
  const [accessKeyId, secret] = [text('AccessKeyId'), text('SecretAccessKey')]
  if (accessKeyId === null || secret === null) return null
  const endsAt = Date.parse(text('Expiration') ?? '')
  return {
    value: { accessKeyId, secret, sessionToken: text('Token') ?? text('SessionToken') },
    forMs: Number.isNaN(endsAt) ? REREAD_MS : endsAt - nowMs,
  }
}
