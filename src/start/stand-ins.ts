import type { Catalog } from '../catalog/index.ts'
import type { Config } from '../config/index.ts'
import type { StandInRules } from '../routing/index.ts'

/** The configured fallbacks by catalog ids, and a sentence for every name that no model has. */
export function standInsOf(
  { lists, onRefusal }: Config['fallbacks'],
  catalog: Catalog,
): { rules: StandInRules; warnings: string[] } {
  const warnings: string[] = []
  const known = (name: string): string => {
    const id = catalog.resolve(name)?.model.id
    if (id !== undefined) return id
    const [meant] = catalog.suggest(name, 1)
    const hint = meant === undefined ? '' : ` Did you mean ${meant}?`
    warnings.push(`fallbacks: there is no model ${name}; it is passed by.${hint}`)
    return name
  }
  const rules = Object.entries(lists).map(([model, standIns]) => {
    for (const name of standIns) known(name)
    return [model === '*' ? model : known(model), standIns] as const
  })
  return { rules: { lists: new Map(rules), onRefusal }, warnings: [...new Set(warnings)] }
}
