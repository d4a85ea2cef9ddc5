import type { ProviderDefinition } from './provider.ts'
import { requiredVariables } from './settings.ts'

/** The reference page of all providers, made of their definitions. Deterministic. */
export function providersReference(list: readonly ProviderDefinition[]): string {
  const hosted = list.filter((definition) => !definition.local)
  const local = list.filter((definition) => definition.local)
  return [
    '# Providers',
    '',
    '<!-- Made by scripts/generate-providers.ts from src/providers/definitions; changes by hand are lost. -->',
    '',
    `${hosted.length} hosted providers and ${local.length} local servers are known from the start. A key in one of the`,
    'variables of a row, or under `providers` in `waybill.yaml`, switches the provider on. Any other server that speaks a',
    'known dialect is added in the file: see [configuration](configuration.md).',
    '',
    '## Hosted',
    '',
    '| id | also called | name | key from | also needs | dialect | a closed stream stops the bill |',
    '|---|---|---|---|---|---|---|',
    ...hosted.map(hostedRow),
    '',
    '## Local servers',
    '',
    'Reached without a key and free of charge unless the file names a price.',
    '',
    '| id | also called | name | address | address from |',
    '|---|---|---|---|---|',
    ...local.map(
      (definition) =>
        `| ${row([
          code(definition.id),
          definition.aliases.map(code).join(', '),
          definition.name,
          code(definition.baseUrl),
          definition.baseUrlEnv.map(code).join(', '),
        ])} |`,
    ),
    '',
  ].join('\n')
}

function hostedRow(definition: ProviderDefinition): string {
  return `| ${row([
    code(definition.id),
    definition.aliases.map(code).join(', '),
    `[${definition.name}](${definition.site})`,
    keySources(definition).map(code).join(', '),
    needs(definition),
    [definition.dialect, ...new Set(definition.dialects.map(([, dialect]) => dialect))].map(code).join(', '),
    definition.cancelStopsBilling ? 'yes' : 'no',
  ])} |`
}

/** Variables that let a provider in, as people set them. */
function keySources(definition: ProviderDefinition): string[] {
  switch (definition.auth.kind) {
    case 'aws':
      return [...definition.env, 'AWS_ACCESS_KEY_ID', 'AWS_SECRET_ACCESS_KEY', 'AWS_PROFILE']
    case 'google':
      return [...definition.env, 'GOOGLE_APPLICATION_CREDENTIALS']
    default:
      return [...definition.env]
  }
}

function needs(definition: ProviderDefinition): string {
  return requiredVariables(definition, false)
    .map((name) => {
      const env = [...(definition.variables[name]?.env ?? []), ...definition.baseUrlEnv].map(code)
      return env.length === 0 ? code(name) : `${code(name)} (${env.join(', ')})`
    })
    .join(', ')
}

const code = (text: string) => `\`${text}\``
const row = (cells: readonly string[]) => cells.join(' | ')
