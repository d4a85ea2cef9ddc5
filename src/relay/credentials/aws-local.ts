import { execFile } from 'node:child_process'
import { createHash } from 'node:crypto'
import { join } from 'node:path'
import { GatewayError } from '../../chat/index.ts'
import { keysOf } from './aws-machine.ts'
import type { AwsKeys, Recipe } from './aws-profile.ts'
import { members, type Network, parseJson, question, textOf } from './network.ts'
import type { Fresh } from './renewed.ts'

/** Longest run of a command that hands out keys, ms, and most that it may say, bytes. */
const COMMAND_MS = 10_000
const COMMAND_BYTES = 65_536

/** Shortest life of keys for a login that does not say it, ms. */
const USUAL_MS = 15 * 60_000

const refused = (sentence: string): GatewayError => new GatewayError('provider_auth', sentence)

/** The words of a command line; quotes hold words together. No shell is asked. */
export function words(command: string): string[] {
  const found: string[] = []
  let word: string | null = null
  for (const [, quoted, single, escaped, plain] of command.matchAll(
    /"((?:[^"\\]|\\.)*)"|'([^']*)'|\\(.)|(\s+|[^\s"'\\]+)/g,
  )) {
    if (plain !== undefined && plain.trim() === '') {
      if (word !== null) found.push(word)
      word = null
    } else word = (word ?? '') + (quoted?.replace(/\\(["\\])/g, '$1') ?? single ?? escaped ?? plain ?? '')
  }
  return word === null ? found : [...found, word]
}

/** Keys that a command of the profile prints. Source: AWS SDKs and Tools reference guide, "Process credential provider". */
export function processKeys(
  command: string,
  env: Readonly<Record<string, string>>,
  nowMs: number,
): Promise<Fresh<AwsKeys>> {
  const [file, ...args] = words(command)
  if (file === undefined)
    return Promise.reject(refused('The credential_process of the AWS profile is empty.'))
  const options = { env, timeout: COMMAND_MS, maxBuffer: COMMAND_BYTES, windowsHide: true }
  return new Promise((resolve, reject) => {
    execFile(file, args, options, (error, stdout) => {
      // What a command says when it fails may hold secrets: nothing of it is repeated.
      const keys = error === null ? keysOf(parseJson(stdout), nowMs) : null
      if (keys !== null) resolve(keys)
      else
        reject(
          refused(
            'The credential_process of the AWS profile failed, or printed no keys. Run it by hand to see why.',
          ),
        )
    })
  })
}

/**
 * Keys for a login of IAM Identity Center that `aws sso login` has left on this machine. The login itself is not renewed
 * here: that needs a browser, or a file that belongs to AWS's tools.
 */
export async function ssoKeys(
  network: Network,
  recipe: Recipe & { kind: 'sso' },
  {
    home,
    endpoint,
    read,
    nowMs,
  }: {
    readonly home: string
    readonly endpoint: string | null
    readonly read: (file: string) => Promise<string>
    readonly nowMs: number
  },
): Promise<Fresh<AwsKeys>> {
  const { session, region, account, role, profile } = recipe
  const name = `${createHash('sha1').update(session).digest('hex')}.json`
  const login = members(parseJson(await read(join(home, '.aws/sso/cache', name)).catch(() => '')))
  const token = textOf(login['accessToken'])
  const endsAt = Date.parse(String(login['expiresAt']))
  const again = `Run: aws sso login --profile ${profile}`
  if (token === null || !/^[\x21-\x7e]+$/.test(token) || !(endsAt > nowMs)) {
    throw refused(`The AWS profile has no login of IAM Identity Center that is still good. ${again}`)
  }
  const query = new URLSearchParams({ account_id: account, role_name: role })
  const url = new URL(
    `/federation/credentials?${query}`,
    endpoint ?? `https://portal.sso.${region}.amazonaws.com`,
  )
  const answer = await question(network, { url, headers: { 'x-amz-sso_bearer_token': token } })
  if (answer === null || answer.status >= 500 || answer.status === 429) {
    throw new GatewayError('provider_unavailable', 'AWS IAM Identity Center did not answer.')
  }
  const keys = members(members(answer.body)['roleCredentials'])
  const [accessKeyId, secret] = [textOf(keys['accessKeyId']), textOf(keys['secretAccessKey'])]
  if (answer.status !== 200 || accessKeyId === null || secret === null) {
    throw refused(
      `AWS IAM Identity Center refused the role of the profile (status ${answer.status}). ${again}`,
    )
  }
  const endOfKeys = keys['expiration']
  const forMs = typeof endOfKeys === 'number' ? endOfKeys - nowMs : USUAL_MS
  return { value: { accessKeyId, secret, sessionToken: textOf(keys['sessionToken']) }, forMs }
}
