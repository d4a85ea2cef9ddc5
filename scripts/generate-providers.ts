/** Writes what is derived from the provider files: the index, and the two reference pages. Run it after adding one. */
import { readdirSync, writeFileSync } from 'node:fs'
import { join } from 'node:path'
import { pathToFileURL } from 'node:url'

export const ROOT = join(import.meta.dirname, '..')
const DEFINITIONS = join(ROOT, 'src/providers/definitions')
const INDEX = join(ROOT, 'src/providers/index.generated.ts')

/** Ids of the data files, sorted by code unit so that every machine writes the same. */
export function definitionIds(): string[] {
  return readdirSync(DEFINITIONS)
    .filter((name) => name.endsWith('.ts'))
    .map((name) => name.slice(0, -3))
    .sort()
}

/** The text of the index over these ids. */
export function renderIndex(ids: readonly string[]): string {
  const name = (id: string) => `p_${id.replaceAll('-', '_')}`
  return [
    '// Made by scripts/generate-providers.ts; changes by hand are lost.',
    ...ids.map((id) => `import ${name(id)} from './definitions/${id}.ts'`),
    "import type { ProviderDefinition } from './provider.ts'",
    '',
    'export const definitions: readonly ProviderDefinition[] = [',
    ...ids.map((id) => `  ${name(id)},`),
    ']',
    '',
  ].join('\n')
}

/** Path below the root → text, for every derived page; loaded late because it needs a fresh index. */
export async function renderPages(): Promise<Record<string, string>> {
  const { providers, providersReference } = await import('../src/providers/index.ts')
  const { configJsonSchema, configReference } = await import('../src/config/index.ts')
  return {
    'docs/reference/providers.md': providersReference(providers),
    'docs/reference/configuration.md': configReference(),
    'docs/reference/waybill.schema.json': `${JSON.stringify(configJsonSchema(), null, 2)}\n`,
  }
}

if (import.meta.url === pathToFileURL(process.argv[1] ?? '').href) {
  writeFileSync(INDEX, renderIndex(definitionIds()))
  for (const [path, text] of Object.entries(await renderPages())) writeFileSync(join(ROOT, path), text)
}
