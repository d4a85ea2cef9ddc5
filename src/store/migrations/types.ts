import { type Kysely, type RawBuilder, sql } from 'kysely'

/** Column types and table options that differ between the engines. */
export interface ColumnTypes {
  readonly engine: 'sqlite' | 'postgres'
  /** 64-bit integer, read as bigint. */
  readonly int8: RawBuilder<unknown>
  /** 32-bit integer, read as number. */
  readonly int4: RawBuilder<unknown>
  readonly text: RawBuilder<unknown>
  readonly blob: RawBuilder<unknown>
  /** Ends `create table`: SQLite tables are STRICT, so that both engines refuse a value of another type. */
  readonly end: RawBuilder<unknown>
  /** The same for narrow tables that are found by their key only. */
  readonly keyed: RawBuilder<unknown>
}

/** The names `integer` and `int` are what tells 64 from 32 bits in SQLite, where both are one type. */
const sqliteTypes: ColumnTypes = {
  engine: 'sqlite',
  int8: sql`integer`,
  int4: sql`int`,
  text: sql`text`,
  blob: sql`blob`,
  end: sql`strict`,
  keyed: sql`strict, without rowid`,
}

const postgresTypes: ColumnTypes = {
  engine: 'postgres',
  int8: sql`bigint`,
  int4: sql`integer`,
  text: sql`text`,
  blob: sql`bytea`,
  end: sql``,
  keyed: sql``,
}

export function columnTypes(engine: 'sqlite' | 'postgres'): ColumnTypes {
  return engine === 'sqlite' ? sqliteTypes : postgresTypes
}

/** One numbered step of the schema. Once released it never changes; a later one corrects it. */
export interface Migration {
  readonly name: string
  /** @param tx a transaction; its tables are those of the time, not of today @param now ms since the epoch, for seed rows. */
  up(tx: Kysely<never>, types: ColumnTypes, now: bigint): Promise<void>
}
