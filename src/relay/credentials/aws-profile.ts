import { GatewayError } from '../../chat/index.ts'

/** Keys that sign. */
export interface AwsKeys {
  readonly accessKeyId: string
  readonly secret: string
  readonly sessionToken: string | null
}

/** Who asks a token service for a role, and where. */
interface Role {
  readonly roleArn: string
  readonly sessionName: string | null
  /** Of the token service; null: that of the calls. */
  readonly region: string | null
}

/** Where keys come from, as a profile says it. */
export type Recipe =
  | { readonly kind: 'keys'; readonly keys: AwsKeys }
  | (Role & {
      readonly kind: 'role'
      readonly source: Recipe
      readonly externalId: string | null
      readonly seconds: number | null
    })
  | (Role & { readonly kind: 'web-identity'; readonly tokenFile: string })
  | { readonly kind: 'process'; readonly command: string }
  | {
      readonly kind: 'sso'
      readonly profile: string
      /** Name of the session, else its start URL: the login is kept under its hash. */
      readonly session: string
      readonly region: string
      readonly account: string
      readonly role: string
    }
  | { readonly kind: 'environment' }
  | { readonly kind: 'container' }
  | { readonly kind: 'instance' }

type Section = Readonly<Record<string, string>>
export type Sections = ReadonlyMap<string, Section>

/** Profiles that lead to each other, at most. */
const DEEPEST = 5

/** Sections of an INI file as AWS's tools write it; values that are nested below another are left out. */
export function parseIni(text: string): Sections {
  const sections = new Map<string, Record<string, string>>()
  let current: Record<string, string> | null = null
  for (const line of text.split(/\r?\n/)) {
    if (/^\s*([#;].*)?$/.test(line)) continue
    const heading = /^\[\s*([^\]]+?)\s*\]/.exec(line)
    if (heading !== null) {
      const name = heading[1]!.replace(/\s+/g, ' ')
      current = sections.get(name) ?? {}
      sections.set(name, current)
      continue
    }
    const pair = /^([^\s=][^=]*?)\s*=\s*(.*?)\s*$/.exec(line)
    if (pair !== null && current !== null)
      current[pair[1]!.toLowerCase()] = pair[2]!.replace(/\s[#;].*$/, '').trim()
  }
  return sections
}

/** A profile by name, from `~/.aws/config` and `~/.aws/credentials`; the latter's keys win. Null when neither has it. */
export function profileOf(config: Sections, credentials: Sections, name: string): Section | null {
  const configured = config.get(`profile ${name}`) ?? (name === 'default' ? config.get('default') : undefined)
  const kept = credentials.get(name)
  return configured === undefined && kept === undefined ? null : { ...configured, ...kept }
}

/**
 * How a profile comes by its keys; null when it says nothing of them (region only). Source: AWS SDKs and Tools reference
 * guide, "Standardized credential providers".
 * Throws GatewayError `provider_auth` for a profile that is not there, leads in a circle, or asks for what is not supported.
 */
export function recipeOf(
  config: Sections,
  credentials: Sections,
  name: string,
  seen: readonly string[] = [],
): Recipe | null {
  const profile = profileOf(config, credentials, name)
  if (profile === null)
    throw unusable(name, 'is in neither of the files ~/.aws/config and ~/.aws/credentials')
  // A profile may take its own keys as the source of its role.
  if (seen.at(-1) === name) return keysIn(profile)
  if (seen.includes(name) || seen.length >= DEEPEST)
    throw unusable(name, 'leads in a circle by source_profile')
  if (profile['role_arn'] !== undefined) {
    return roleIn(profile, name, (source) => recipeOf(config, credentials, source, [...seen, name]))
  }
  const keys = keysIn(profile)
  if (keys !== null) return keys
  if (profile['sso_account_id'] !== undefined || profile['sso_session'] !== undefined) {
    return ssoIn(profile, name, config.get(`sso-session ${profile['sso_session']}`) ?? profile)
  }
  const command = profile['credential_process']
  return command === undefined ? null : { kind: 'process', command }
}

function keysIn({
  aws_access_key_id: accessKeyId,
  aws_secret_access_key: secret,
  aws_session_token,
}: Section): Recipe | null {
  if (!accessKeyId || !secret) return null
  return { kind: 'keys', keys: { accessKeyId, secret, sessionToken: aws_session_token || null } }
}

function roleIn(profile: Section, name: string, sourceOf: (profile: string) => Recipe | null): Recipe {
  const role = {
    roleArn: profile['role_arn']!,
    sessionName: profile['role_session_name'] ?? null,
    region: profile['region'] ?? null,
  }
  const tokenFile = profile['web_identity_token_file']
  if (tokenFile !== undefined) return { kind: 'web-identity', ...role, tokenFile }
  if (profile['mfa_serial'] !== undefined) {
    throw unusable(name, 'asks for a code of a second factor (mfa_serial), which a server cannot type in')
  }
  const from = profile['source_profile']
  const source = from === undefined ? byName(profile['credential_source']) : sourceOf(from)
  if (source === null) {
    throw unusable(
      name,
      'has a role_arn but no usable source_profile, credential_source or web_identity_token_file',
    )
  }
  const seconds = Number(profile['duration_seconds'])
  return {
    kind: 'role',
    ...role,
    source,
    externalId: profile['external_id'] ?? null,
    seconds: Number.isSafeInteger(seconds) && seconds > 0 ? seconds : null,
  }
}

function byName(source: string | undefined): Recipe | null {
  switch (source?.toLowerCase()) {
    case 'environment':
      return { kind: 'environment' }
    case 'ecscontainer':
      return { kind: 'container' }
    case 'ec2instancemetadata':
      return { kind: 'instance' }
    default:
      return null
  }
}

function ssoIn(profile: Section, name: string, session: Section): Recipe {
  const { sso_account_id: account, sso_role_name: role } = profile
  const { sso_region: region, sso_start_url: start } = session
  if (!account || !role || !region || !start) {
    throw unusable(name, 'lacks one of sso_account_id, sso_role_name, sso_region and sso_start_url')
  }
  return { kind: 'sso', profile: name, session: profile['sso_session'] ?? start, region, account, role }
}

function unusable(name: string, why: string): GatewayError {
  return new GatewayError('provider_auth', `The AWS profile ${name.slice(0, 64)} ${why}.`)
}
