/** A process for tests to kill: appends numbered rows without a pause, and prints each number once it is durable. */
import { sql } from 'kysely'
import { systemClock } from '../../lib/index.ts'
import { openSqliteStore } from './sqlite.store.ts'

const inFlight = 32

const store = await openSqliteStore({ dataDir: process.argv[2]!, clock: systemClock })
const insert = store.prepare('insert into settings (name, value) values (?, ?)')
const found = await sql<{ rows: bigint; last: bigint | null; check: string }>`
  select count(*) as rows, max(cast(value as integer)) as last, (select * from pragma_integrity_check) as "check"
  from settings where name like 'n%'`.execute(store.db)
const { rows, last, check } = found.rows[0]!
let next = Number(last ?? 0)
console.log(JSON.stringify({ rows: Number(rows), last: next, check }))

async function work(): Promise<void> {
  for (;;) {
    const n = ++next
    await store.append([[insert, [`n${n}`, String(n)], 1]])
    process.stdout.write(`${n}\n`)
  }
}

await Promise.all(Array.from({ length: inFlight }, work))
