import { readFile } from 'node:fs/promises'
import { GatewayError } from '../chat/index.ts'
import type { Clock } from '../lib/index.ts'
import { machineToken, tokenFor } from './credentials/google-sources.ts'
import { members, type Network, parseJson } from './credentials/network.ts'
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

/** One access token, kept fresh, with the project that its use is counted for. */
export class GoogleToken {
  readonly #access: Renewed<{ readonly token: string; readonly quotaProject: string | null }>

  constructor({ file, usualFile, metadataHost }: GoogleIdentity, deps: TokenDeps) {
    const { clock, read = (path: string) => readFile(path, 'utf8') } = deps
    this.#access = new Renewed('Google access token', clock, async () => {
      const text = await (file === null ? usual(usualFile, read) : named(file, read))
      const { value: token, forMs } =
        text === null
          ? await machineToken(deps, metadataHost)
          : await tokenFor(text, { network: deps, read, nowMs: clock.now() })
      return { value: { token, quotaProject: text && quotaProjectIn(text) }, forMs }
    })
  }

  /** Null when it is at hand, else a promise of it. It rejects with GatewayError `provider_auth` or `provider_unavailable`. */
  ready(): Promise<void> | null {
    return this.#access.ready()
  }

  /** Throws GatewayError `provider_auth` when there is none: wait for `ready()` first. */
  get value(): string {
    return this.#access.value.token
  }

  /** What goes along with a call. */
  get headers(): readonly (readonly [string, string])[] {
    const { token, quotaProject } = this.#access.value
    const bearer = ['authorization', `Bearer ${token}`] as const
    return quotaProject === null ? [bearer] : [bearer, ['x-goog-user-project', quotaProject]]
  }
}

/** A user's login belongs to no project, so the file says which one is meant. */
function quotaProjectIn(text: string): string | null {
  const project = members(parseJson(text))['quota_project_id']
  return typeof project === 'string' && /^[a-z0-9.:-]{1,64}$/.test(project) ? project : null
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
