import { type Credential, type ProviderSettings, resolveTarget } from '../providers/index.ts'
import type { AwsCredentials } from './credentials/aws-credentials.ts'
import type { AwsKeys } from './credentials/aws-profile.ts'
import type { GoogleTokens } from './google-token.ts'
import { signAws } from './sign-aws.ts'
import type { Address, Target } from './types.ts'

/** Credentials that are fetched, not configured. */
export interface Identities {
  readonly google: GoogleTokens
  readonly aws: AwsCredentials
}

/** How calls are let in: a key goes along as a header, AWS's keys sign each call, a token of Google is fetched. */
export function reach(
  settings: ProviderSettings,
  credential: Credential | null,
  names: { readonly modelId: string; readonly upstreamId: string },
  identities: Identities,
): Pick<Target, 'address' | 'sign' | 'ready'> {
  switch (credential?.kind) {
    case 'aws':
      return {
        address: (path, headers) => resolveTarget(settings, null, { ...names, path, headers }),
        ...signing(settings, credential, identities.aws),
      }
    case 'google': {
      const { secret, parts } = credential
      const token = identities.google.of({
        file: secret.reveal() || null,
        usualFile: parts['usualFile']?.reveal() ?? null,
        metadataHost: parts['metadataHost']?.reveal() ?? null,
      })
      return {
        address: (path, headers) =>
          resolveTarget(settings, null, { ...names, path, headers: [...headers, ...token.headers] }),
        ready: () => token.ready(),
      }
    }
    default:
      return {
        address: (path, headers) => resolveTarget(settings, credential ?? null, { ...names, path, headers }),
      }
  }
}

/** Keys that were given sign at once; else they are found first, as AWS's tools find them. */
function signing(
  { variables }: ProviderSettings,
  { id, secret, parts }: Credential,
  aws: AwsCredentials,
): Pick<Target, 'sign' | 'ready'> {
  const region = variables.region ?? 'us-east-1'
  const accessKeyId = parts['accessKeyId']?.reveal()
  if (accessKeyId !== undefined) {
    const keys = {
      accessKeyId,
      secret: secret.reveal(),
      sessionToken: parts['sessionToken']?.reveal() ?? null,
    }
    return { sign: signer(region, () => keys) }
  }
  const found = aws.of(id, {
    profile: secret.reveal() || null,
    region,
    variables: Object.fromEntries(Object.entries(parts).map(([name, value]) => [name, value.reveal()])),
  })
  return { sign: signer(region, () => found.value), ready: () => found.ready() }
}

/** Signs calls of Bedrock, whose name in signatures is shorter than its host. A header of the operator's own wins. */
function signer(
  region: string,
  keys: () => AwsKeys,
): (address: Address, body: string, nowMs: number) => Address {
  return (address, body, nowMs) => {
    if (address.headers.includes('authorization')) return address
    const signed = signAws({
      method: 'POST',
      url: address.origin + address.path,
      headers: [],
      body,
      region,
      service: 'bedrock',
      ...keys(),
      nowMs,
    })
    return { ...address, headers: [...address.headers, ...signed.flat()] }
  }
}
