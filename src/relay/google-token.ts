import { readFile } from 'node:fs/promises'
import { GatewayError } from '../chat/index.ts'
import type { Clock } from '../lib/index.ts'
import { machineToken, tokenFor } from './credentials/google-sources.ts'
import type { Network } from './credentials/network.ts'
import { Renewed } from './credentials/renewed.ts'

interface TokenDeps extends Network {
  readonly clock: Clock
  /** Reads a credentials file; `node:fs` when absent. */
  readonly read?: (file: string) => Promise<string>
}

/** Where an access token comes from. */
export interface GoogleIdentity {
  /** The credentials file that was named, or null: the one that gcloud has left, else the machine's own account. */
  readonly file: string | null
  /** Where gcloud leaves it. */
  readonly usualFile: string | null
  /** `GCE_METADATA_HOST`, where it is set. */
  readonly metadataHost: string | null
}

/** Access tokens of Google; shared by every configuration of a process. */
export class GoogleTokens {
  readonly #deps: TokenDeps
  readonly #sources = new Map<string, GoogleToken>()

  constructor(deps: TokenDeps) {
    this.#deps = deps
  }

  /** The token that the file (a service account, a user, another cloud's workload) or this machine stands for. */
  of(identity: GoogleIdentity): GoogleToken {
    const name = identity.file ?? ''
    let source = this.#sources.get(name)
    if (source === undefined) {
      source = new GoogleToken(identity, this.#deps)
      this.#sources.set(name, source)
    }
    return source
  }
}

/** One access token, kept fresh. */
export class GoogleToken extends Renewed<string> {
  constructor(identity: GoogleIdentity, deps: TokenDeps) {
    super('Google access token', deps.clock, async () => {
      const { read = (file: string) => readFile(file, 'utf8') } = deps
      const { file, usualFile, metadataHost } = identity
      const text = await (file === null ? usual(usualFile, read) : named(file, read))
      return text === null
        ? machineToken(deps, metadataHost)
        : tokenFor(text, { network: deps, read, nowMs: deps.clock.now() })
    })
  }
}

type Read = (file: string) => Promise<string>

async function named(file: string, read: Read): Promise<string> {
  try {
    return await read(file)
  } catch {
    throw new GatewayError(
      'provider_auth',
      'The Google credentials file cannot be read. Set credentials_file to the key file of a service account.',
    )
  }
}

async function usual(file: string | null, read: Read): Promise<string | null> {
  return file === null ? null : read(file).catch(() => null)
}
