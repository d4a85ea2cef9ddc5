import { readFile } from 'node:fs/promises'
import { join } from 'node:path'
import { GatewayError } from '../../chat/index.ts'
import type { Clock } from '../../lib/index.ts'
import { processKeys, ssoKeys } from './aws-local.ts'
import { containerKeys, instanceKeys, REREAD_MS } from './aws-machine.ts'
import { type AwsKeys, parseIni, type Recipe, recipeOf, type Sections } from './aws-profile.ts'
import { assumeRole, assumeRoleWithToken, type RoleRequest } from './aws-sts.ts'
import type { Network } from './network.ts'
import { type Fresh, Renewed } from './renewed.ts'

export interface AwsDeps extends Network {
  readonly clock: Clock
  /** Reads a file; `node:fs` when absent. */
  readonly read?: (file: string) => Promise<string>
}

/** What AWS's tools look at to find keys: variables of the environment by their names. */
export type AwsVariables = Readonly<Record<string, string>>

/** Who is meant: a profile by name, or whoever this machine is. */
export interface AwsIdentity {
  /** Of the configuration; null: that of `AWS_PROFILE`, else the default one. */
  readonly profile: string | null
  /** Of the calls; asked for roles there too. */
  readonly region: string
  readonly variables: AwsVariables
}

/** Keys of AWS that are found and kept fresh; shared by every configuration of a process. */
export class AwsCredentials {
  readonly #deps: AwsDeps
  readonly #known = new Map<string, Renewed<AwsKeys>>()

  constructor(deps: AwsDeps) {
    this.#deps = deps
  }

  /** The keys for an identity; `name` stands for it, its variables being those of the process. */
  of(name: string, identity: AwsIdentity): Renewed<AwsKeys> {
    const key = `${name} ${identity.profile ?? ''} ${identity.region}`
    let keys = this.#known.get(key)
    if (keys === undefined) {
      const search = new Search(identity, this.#deps)
      keys = new Renewed('AWS credential', this.#deps.clock, () => search.keys())
      this.#known.set(key, keys)
    }
    return keys
  }
}

/**
 * Finds keys in the order of AWS's SDKs: a named profile; else keys of the environment, the default profile, a token file
 * (EKS, CI), the container, the instance. Never blocks: files and services are waited for.
 */
class Search {
  readonly #identity: AwsIdentity
  readonly #deps: AwsDeps

  constructor(identity: AwsIdentity, deps: AwsDeps) {
    this.#identity = identity
    this.#deps = deps
  }

  async keys(): Promise<Fresh<AwsKeys>> {
    const named = this.#identity.profile ?? this.#variable('AWS_PROFILE')
    const inEnvironment = this.#identity.profile === null ? this.#environment() : null
    if (inEnvironment !== null) return inEnvironment
    const [config, credentials] = await this.#files()
    const name = named ?? 'default'
    const isThere = config.has(name) || config.has(`profile ${name}`) || credentials.has(name)
    const recipe = named !== null || isThere ? recipeOf(config, credentials, name) : null
    if (recipe !== null) return this.#follow(recipe)
    if (named !== null) throw refused(`The AWS profile ${named.slice(0, 64)} says nothing of keys.`)
    return this.#byMachine()
  }

  async #byMachine(): Promise<Fresh<AwsKeys>> {
    const [tokenFile, roleArn] = [
      this.#variable('AWS_WEB_IDENTITY_TOKEN_FILE'),
      this.#variable('AWS_ROLE_ARN'),
    ]
    if (tokenFile !== null && roleArn !== null) {
      const sessionName = this.#variable('AWS_ROLE_SESSION_NAME')
      return this.#follow({ kind: 'web-identity', roleArn, tokenFile, sessionName, region: null })
    }
    if (this.#containerUri() !== null) return this.#container()
    const keys = await this.#instance()
    if (keys !== null) return keys
    throw refused(
      'No AWS credentials were found: not in AWS_ACCESS_KEY_ID, ~/.aws, a web identity token, a container or an instance role. Set AWS_BEARER_TOKEN_BEDROCK, or profile under the provider.',
    )
  }

  async #follow(recipe: Recipe): Promise<Fresh<AwsKeys>> {
    const { clock, read = readText } = this.#deps
    switch (recipe.kind) {
      case 'keys':
        return { value: recipe.keys, forMs: REREAD_MS }
      case 'environment':
        return (
          this.#environment() ??
          Promise.reject(refused('credential_source names an environment without AWS keys.'))
        )
      case 'container':
        return this.#container()
      case 'instance':
        return (
          (await this.#instance()) ??
          Promise.reject(refused('This machine has no instance role to take keys from.'))
        )
      case 'web-identity': {
        const token = await this.#secretFile(recipe.tokenFile, 'web identity token')
        return assumeRoleWithToken(this.#deps, this.#role(recipe), token)
      }
      case 'role': {
        const source = await this.#follow(recipe.source)
        const { externalId, seconds } = recipe
        return assumeRole(this.#deps, this.#role(recipe), source.value, {
          ...(externalId !== null && { ExternalId: externalId }),
          ...(seconds !== null && { DurationSeconds: String(seconds) }),
        })
      }
      case 'process':
        return processKeys(recipe.command, this.#identity.variables, clock.now())
      case 'sso': {
        const endpoint = this.#variable('AWS_ENDPOINT_URL_SSO')
        return ssoKeys(this.#deps, recipe, { home: this.#home(), endpoint, read, nowMs: clock.now() })
      }
      default:
        return recipe satisfies never
    }
  }

  #role({ roleArn, sessionName, region }: Recipe & { kind: 'role' | 'web-identity' }): RoleRequest {
    return {
      roleArn,
      sessionName,
      region: region ?? this.#identity.region,
      endpoint: this.#variable('AWS_ENDPOINT_URL_STS'),
      nowMs: this.#deps.clock.now(),
    }
  }

  #environment(): Fresh<AwsKeys> | null {
    const [accessKeyId, secret] = [
      this.#variable('AWS_ACCESS_KEY_ID'),
      this.#variable('AWS_SECRET_ACCESS_KEY'),
    ]
    if (accessKeyId === null || secret === null) return null
    return {
      value: { accessKeyId, secret, sessionToken: this.#variable('AWS_SESSION_TOKEN') },
      forMs: REREAD_MS,
    }
  }

  #containerUri(): string | null {
    return (
      this.#variable('AWS_CONTAINER_CREDENTIALS_RELATIVE_URI') ??
      this.#variable('AWS_CONTAINER_CREDENTIALS_FULL_URI')
    )
  }

  async #container(): Promise<Fresh<AwsKeys>> {
    const uri = this.#containerUri()
    if (uri === null) throw refused('There is no container here that hands out AWS keys.')
    const file = this.#variable('AWS_CONTAINER_AUTHORIZATION_TOKEN_FILE')
    const authorization =
      file === null
        ? this.#variable('AWS_CONTAINER_AUTHORIZATION_TOKEN')
        : await this.#secretFile(file, 'container authorization token')
    return containerKeys(this.#deps, uri, authorization, this.#deps.clock.now())
  }

  #instance(): Promise<Fresh<AwsKeys> | null> {
    if (this.#variable('AWS_EC2_METADATA_DISABLED')?.toLowerCase() === 'true') return Promise.resolve(null)
    const endpoint = this.#variable('AWS_EC2_METADATA_SERVICE_ENDPOINT')
    return instanceKeys(this.#deps, endpoint, this.#deps.clock.now())
  }

  async #files(): Promise<[config: Sections, credentials: Sections]> {
    const { read = readText } = this.#deps
    const at = (variable: string, usual: string) =>
      this.#variable(variable) ?? join(this.#home(), '.aws', usual)
    const sections = (file: string) => read(file).then(parseIni, () => new Map())
    return Promise.all([
      sections(at('AWS_CONFIG_FILE', 'config')),
      sections(at('AWS_SHARED_CREDENTIALS_FILE', 'credentials')),
    ])
  }

  async #secretFile(file: string, what: string): Promise<string> {
    const { read = readText } = this.#deps
    const text = await read(file).catch(() => '')
    if (text.trim() === '') throw refused(`The file with the ${what} cannot be read, or is empty.`)
    return text.trim()
  }

  #home(): string {
    return this.#variable('HOME') ?? this.#variable('USERPROFILE') ?? '/'
  }

  #variable(name: string): string | null {
    const value = this.#identity.variables[name]?.trim()
    return value === undefined || value === '' ? null : value
  }
}

const readText = (file: string): Promise<string> => readFile(file, 'utf8')

const refused = (sentence: string): GatewayError => new GatewayError('provider_auth', sentence)
