import { createPrivateKey, type KeyObject, sign } from 'node:crypto'
import { GatewayError } from '../../chat/index.ts'
import { safeUrl } from './network.ts'

export const SCOPE = 'https://www.googleapis.com/auth/cloud-platform'
const TOKEN_URL = 'https://oauth2.googleapis.com/token'
const JWT_GRANT = 'urn:ietf:params:oauth:grant-type:jwt-bearer'
const EXCHANGE_GRANT = 'urn:ietf:params:oauth:grant-type:token-exchange'
const ACCESS_TOKEN = 'urn:ietf:params:oauth:token-type:access_token'
/** The longest that Google lets an assertion live, s. */
const ASSERTION_S = 3_600

/** A call that answers with an access token. */
export interface Grant {
  readonly url: URL
  readonly body: string
}

/** Members of a credentials file, of unknown content. */
export type GoogleFile = Readonly<Record<string, unknown>>

/** Why a file cannot be used; never repeats what it holds. */
export const unusable = (what: string): GatewayError =>
  new GatewayError(
    'provider_auth',
    `The Google credentials file ${what}. Set credentials_file to the key file of a service account.`,
  )

/** The member as a text. Throws GatewayError `provider_auth` when it is none. */
export function member(file: GoogleFile, name: string): string {
  const value = file[name]
  if (typeof value !== 'string' || value === '') throw unusable(`lacks ${name}`)
  return value
}

/** An address of the file, by default `usual`. Throws GatewayError `provider_auth` for one in plain text over a network. */
export function addressIn(file: GoogleFile, name: string, usual?: string): URL {
  const given = file[name]
  const url = safeUrl(typeof given === 'string' ? given : (usual ?? ''))
  if (url === null) throw unusable(`names a ${name} without https`)
  return url
}

/** Source: Google, "Using OAuth 2.0 for server to server applications". */
export function serviceAccountGrant(file: GoogleFile, nowMs: number): Grant {
  const url = addressIn(file, 'token_uri', TOKEN_URL)
  const issuedAt = Math.floor(nowMs / 1_000)
  const claims = {
    iss: member(file, 'client_email'),
    scope: SCOPE,
    aud: url.href,
    iat: issuedAt,
    exp: issuedAt + ASSERTION_S,
  }
  const header = { alg: 'RS256', typ: 'JWT', kid: file['private_key_id'] }
  const assertion = jwt(header, claims, keyOf(member(file, 'private_key')))
  return { url, body: new URLSearchParams({ grant_type: JWT_GRANT, assertion }).toString() }
}

/** A user's login that gcloud has left. Source: Google, "Using OAuth 2.0", refreshing an access token. */
export function userGrant(file: GoogleFile): Grant {
  const fields = {
    grant_type: 'refresh_token',
    client_id: member(file, 'client_id'),
    client_secret: member(file, 'client_secret'),
    refresh_token: member(file, 'refresh_token'),
  }
  return { url: addressIn(file, 'token_uri', TOKEN_URL), body: new URLSearchParams(fields).toString() }
}

/** The token of another identity provider for one of Google. Source: RFC 8693; AIP-4117. */
export function exchangeGrant(file: GoogleFile, subjectToken: string): Grant {
  const project = file['workforce_pool_user_project']
  const fields = {
    grant_type: EXCHANGE_GRANT,
    audience: member(file, 'audience'),
    scope: SCOPE,
    requested_token_type: ACCESS_TOKEN,
    subject_token: subjectToken,
    subject_token_type: member(file, 'subject_token_type'),
    ...(typeof project === 'string' && { options: JSON.stringify({ userProject: project }) }),
  }
  return { url: addressIn(file, 'token_url'), body: new URLSearchParams(fields).toString() }
}

function keyOf(pem: string): KeyObject {
  try {
    return createPrivateKey(pem)
  } catch {
    throw unusable('holds a private_key that is none')
  }
}

/** A JSON Web Token signed with RSA and SHA-256 (RFC 7515, RFC 7518 section 3.3). */
function jwt(header: object, claims: object, key: KeyObject): string {
  const part = (value: object) => Buffer.from(JSON.stringify(value)).toString('base64url')
  const said = `${part(header)}.${part(claims)}`
  return `${said}.${sign('RSA-SHA256', Buffer.from(said), key).toString('base64url')}`
}
