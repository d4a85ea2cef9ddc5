import { GatewayError } from '../../chat/index.ts'
import type { Answer } from '../ask.ts'
import {
  addressIn,
  exchangeGrant,
  type GoogleFile,
  type Grant,
  member,
  SCOPE,
  serviceAccountGrant,
  unusable,
  userGrant,
} from './google-grant.ts'
import { members, type Network, parseJson, question, safeUrl, textOf } from './network.ts'
import type { Fresh } from './renewed.ts'

/** A token lives so long when the answer does not say it, ms. */
const USUAL_MS = 3_600_000
/** Longest wait for the metadata server, which is on the same machine or does not exist, ms. */
const MACHINE_MS = 2_000
const METADATA_HOST = 'metadata.google.internal'
const METADATA_PATH = '/computeMetadata/v1/instance/service-accounts/default/token'

export interface Surroundings {
  readonly network: Network
  readonly read: (file: string) => Promise<string>
  /** Wall clock, ms since the epoch. */
  readonly nowMs: number
}

/**
 * The access token that a credentials file stands for. Source: Google, "Application Default Credentials".
 * Throws GatewayError `provider_auth` for a file that cannot be used or is refused, `provider_unavailable` when nobody answers.
 */
export function tokenFor(text: string, around: Surroundings): Promise<Fresh<string>> {
  const file = parseJson(text)
  // What a broken file holds may be a key: nothing of it is repeated.
  if (typeof file !== 'object' || file === null) throw unusable('is not JSON')
  return tokenOf(file as GoogleFile, around)
}

async function tokenOf(file: GoogleFile, around: Surroundings): Promise<Fresh<string>> {
  switch (file['type']) {
    case 'service_account':
      return granted(around.network, serviceAccountGrant(file, around.nowMs))
    case 'authorized_user':
      return granted(around.network, userGrant(file))
    case 'external_account': {
      const subject = await subjectToken(members(file['credential_source']), around)
      const token = await granted(around.network, exchangeGrant(file, subject))
      return file['service_account_impersonation_url'] === undefined
        ? token
        : impersonate(file, token, around)
    }
    case 'impersonated_service_account':
      return impersonate(file, await tokenOf(members(file['source_credentials']), around), around)
    default:
      throw unusable('is of a type that is not supported')
  }
}

/** The token of the machine's own account (Compute Engine, GKE, Cloud Run). Source: Google, "About VM metadata". */
export async function machineToken(network: Network, host: string | null): Promise<Fresh<string>> {
  const url = safeUrl(`http://${host ?? METADATA_HOST}${METADATA_PATH}`)
  if (url === null)
    throw new GatewayError('provider_auth', 'GCE_METADATA_HOST is no address of this machine.')
  const answer = await question(network, {
    url,
    headers: { 'metadata-flavor': 'Google' },
    timeoutMs: MACHINE_MS,
  })
  if (answer === null || answer.status === 404) {
    throw new GatewayError(
      'provider_auth',
      'No Google credentials were found: no credentials_file, no login of gcloud, no account of this machine. Set GOOGLE_APPLICATION_CREDENTIALS, or run: gcloud auth application-default login',
    )
  }
  return readToken(answer)
}

/** What proves to Google who this workload is elsewhere. */
async function subjectToken(source: GoogleFile, { network, read }: Surroundings): Promise<string> {
  if (source['environment_id'] !== undefined || source['executable'] !== undefined) {
    throw unusable('takes its token from AWS or a command, which is not supported; a file or an address is')
  }
  const format = members(source['format'])
  if (source['file'] !== undefined) {
    const text = await read(member(source, 'file')).catch(() => '')
    return subjectIn(text, format)
  }
  if (source['url'] === undefined)
    throw unusable('names neither a file nor an address as its credential_source')
  const headers = Object.entries(members(source['headers'])).filter(
    (pair): pair is [string, string] => typeof pair[1] === 'string' && /^[\x20-\x7e]*$/.test(pair[1]),
  )
  const answer = await question(network, {
    url: addressIn(source, 'url'),
    headers: Object.fromEntries(headers.map(([name, value]) => [name.toLowerCase(), value])),
  })
  return subjectIn(answer?.status === 200 ? answer.text : '', format)
}

function subjectIn(text: string, format: GoogleFile): string {
  const field = format['type'] === 'json' ? member(format, 'subject_token_field_name') : null
  const token = field === null ? text.trim() : textOf(members(parseJson(text))[field])
  if (!token) throw unusable('has a credential_source that gave no token')
  return token
}

/** A token of another account that this one may speak for. Source: IAM Credentials API, generateAccessToken. */
async function impersonate(
  file: GoogleFile,
  token: Fresh<string>,
  around: Surroundings,
): Promise<Fresh<string>> {
  const url = addressIn(file, 'service_account_impersonation_url')
  const delegates = Array.isArray(file['delegates']) ? { delegates: file['delegates'] } : {}
  const answer = await question(around.network, {
    url,
    method: 'POST',
    headers: { 'content-type': 'application/json', authorization: `Bearer ${token.value}` },
    body: JSON.stringify({ ...delegates, scope: [SCOPE], lifetime: `${USUAL_MS / 1_000}s` }),
  })
  const said = members(answer?.body)
  const endsAt = Date.parse(String(said['expireTime']))
  const forMs = Number.isNaN(endsAt) ? USUAL_MS : endsAt - around.nowMs
  return readToken(
    answer && {
      ...answer,
      body: {
        access_token: said['accessToken'],
        expires_in: forMs / 1_000,
        error: members(said['error'])['status'],
      },
    },
  )
}

async function granted(network: Network, { url, body }: Grant): Promise<Fresh<string>> {
  const headers = { 'content-type': 'application/x-www-form-urlencoded' }
  return readToken(await question(network, { url, method: 'POST', headers, body }))
}

function readToken(answer: Pick<Answer, 'status' | 'body'> | null): Fresh<string> {
  const { access_token: token, expires_in: seconds, error } = members(answer?.body)
  if (answer?.status === 200 && typeof token === 'string' && /^[\x21-\x7e]+$/.test(token)) {
    return { value: token, forMs: typeof seconds === 'number' && seconds > 0 ? seconds * 1_000 : USUAL_MS }
  }
  if (answer === null || answer.status >= 500 || answer.status === 429) {
    throw new GatewayError(
      'provider_unavailable',
      'Google gave no access token: its token service did not answer.',
    )
  }
  const named = typeof error === 'string' && /^[A-Za-z_]{1,64}$/.test(error) ? ` (${error})` : ''
  throw new GatewayError(
    'provider_auth',
    `Google refused the credentials file${named}. Check that the account is enabled, its key is current and this machine's clock is right.`,
  )
}
