import type { PoolClient } from 'pg'
import { type SqlValue, type Step, StoreError } from '../store.ts'
import { toStoreError } from './errors.ts'
import { type Command, Flight, type Landing } from './flight.ts'

/** A flight without answer for so long has lost its connection. */
const flightLimitMs = 20_000

/** What one `append` asked for. */
export interface Unit {
  readonly steps: readonly Step[]
  readonly keys: readonly string[]
  resolve(): void
  reject(error: StoreError): void
}

/** One transaction over a group; a unit that fails is taken out, its neighbours go on. */
export class GroupTransaction {
  readonly #client: PoolClient
  readonly #texts: readonly string[]

  constructor(client: PoolClient, texts: readonly string[]) {
    this.#client = client
    this.#texts = texts
  }

  /** @returns the units that are applied; the others are rejected already */
  async apply(group: readonly Unit[], opening: readonly Command[]): Promise<readonly Unit[]> {
    const applied: Unit[] = []
    let width = group.length
    for (let at = 0; at < group.length; ) {
      const chunk = group.slice(at, at + width)
      const flight = this.#layOut(opening, chunk, group.length > 1 ? at : null)
      const landing = await fly(this.#client, flight.commands)
      const fault = flight.faultOf(landing)
      const sound = fault ? fault.unit : chunk.length
      applied.push(...chunk.slice(0, sound))
      at += sound
      width = Math.min(width * 2, group.length)
      opening = []
      if (!fault) continue
      group[at]!.reject(fault.error)
      // What came after it in the flight may have seen its changes: it is undone as well, and done again.
      opening = [plain(group.length > 1 ? `rollback to u${at}` : 'rollback')]
      if (group.length === 1) await fly(this.#client, opening)
      at++
      width = Math.max(4, sound)
      if (at === group.length && group.length > 1) await mustFly(this.#client, opening)
    }
    return applied
  }

  #layOut(opening: readonly Command[], chunk: readonly Unit[], first: number | null) {
    const commands: Command[] = [...opening]
    /** Per command: unit and step that it belongs to; a step of null is the savepoint before the unit. */
    const owners: { unit: number; step: number | null; expected: number }[] = opening.map(() => ({
      unit: -1,
      step: null,
      expected: -1,
    }))
    chunk.forEach((unit, index) => {
      if (first !== null) {
        commands.push(plain(`savepoint u${first + index}`))
        owners.push({ unit: index, step: null, expected: -1 })
      }
      unit.steps.forEach(([ref, values, expected = -1], step) => {
        commands.push({ name: `w${ref}`, text: this.#texts[ref]!, values })
        owners.push({ unit: index, step, expected })
      })
    })
    const faultOf = ({ changes, error }: Landing): { unit: number; error: StoreError } | null => {
      for (let i = 0; i < changes.length; i++) {
        const { unit, step, expected } = owners[i]!
        if (expected >= 0 && changes[i] !== expected) {
          const message = `a step changed ${changes[i]} rows instead of ${expected}`
          return { unit, error: new StoreError(message, 'guard', step) }
        }
      }
      if (!error) return null
      const owner = owners[changes.length]
      const found = toStoreError(error, owner?.step ?? null)
      if (!owner || owner.step === null || found.kind === 'unavailable') throw error
      return { unit: owner.unit, error: found }
    }
    return { commands, faultOf }
  }
}

export const markText = `insert into commits (writer, n, at) values ($1, $2, $3)
  on conflict (writer) do update set n = excluded.n, at = excluded.at`

/** Begins, locks what the group will change, and leaves the group's mark. */
export function openingOf(group: readonly Unit[], mark: Command): readonly Command[] {
  const keys = new Set(group.flatMap((unit) => unit.keys))
  const lock = keys.size > 0 ? [lockOf([...keys])] : []
  return [plain('begin'), ...lock, mark]
}

function lockOf(keys: readonly string[]): Command {
  const text = `select pg_advisory_xact_lock(key) from (select distinct hashtextextended(name, 7788) as key
    from jsonb_array_elements_text($1::jsonb) as name order by 1) as keys`
  return { name: 'lock', text, values: [JSON.stringify(keys)] satisfies SqlValue[] }
}

export function plain(text: string): Command {
  return { name: text.replaceAll(' ', '_'), text, values: [] }
}

export async function fly(client: PoolClient, commands: readonly Command[]): Promise<Landing> {
  const flight = new Flight(commands)
  const timer = setTimeout(() => flight.abort(), flightLimitMs)
  client.query(flight)
  const landing = await flight.landed
  clearTimeout(timer)
  return landing
}

async function mustFly(client: PoolClient, commands: readonly Command[]): Promise<void> {
  const { error } = await fly(client, commands)
  if (error) throw error
}

/** @returns whether the connection can be used again */
export async function rollback(client: PoolClient): Promise<boolean> {
  const { error } = await fly(client, [plain('rollback')])
  return error === null
}
