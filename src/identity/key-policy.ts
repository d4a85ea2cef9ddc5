/** What a key may use, besides what the installation allows all; a list that is null limits nothing. */
export interface KeyPolicy {
  /** Model ids, aliases or `author/*`. */
  readonly allowedModels: readonly string[] | null
  /** Provider slugs. */
  readonly allowedProviders: readonly string[] | null
  readonly ignoredProviders: readonly string[] | null
}

export const NO_POLICY: KeyPolicy = { allowedModels: null, allowedProviders: null, ignoredProviders: null }

/** The columns of a policy, lists as JSON. */
export interface PolicyColumns {
  allowed_models: string | null
  allowed_providers: string | null
  ignored_providers: string | null
}

export function policyColumns({
  allowedModels,
  allowedProviders,
  ignoredProviders,
}: KeyPolicy): PolicyColumns {
  return {
    allowed_models: written(allowedModels),
    allowed_providers: written(allowedProviders),
    ignored_providers: written(ignoredProviders),
  }
}

/** The policy of a row, as `policyColumns` wrote it. */
export function policyOfRow(row: PolicyColumns): KeyPolicy {
  return {
    allowedModels: read(row.allowed_models),
    allowedProviders: read(row.allowed_providers),
    ignoredProviders: read(row.ignored_providers),
  }
}

const written = (list: readonly string[] | null): string | null =>
  list === null ? null : JSON.stringify(list)

const read = (text: string | null): readonly string[] | null =>
  text === null ? null : (JSON.parse(text) as string[])
