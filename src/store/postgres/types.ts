import pg from 'pg'

/** Object ids of types: `select oid, typname from pg_type`. */
const oid = { bytea: 17, int8: 20, numeric: 1700 }

/**
 * Values as the store promises them: int8 is bigint; numeric, which is what SUM over int8 gives, is bigint when it is
 * whole and number otherwise (averages); bytea is a plain Uint8Array.
 */
export const types: pg.CustomTypesConfig = {
  getTypeParser: ((id: number, format?: 'text' | 'binary') => {
    if (id === oid.int8) return BigInt
    if (id === oid.numeric) return (text: string) => (/^-?\d+$/.test(text) ? BigInt(text) : Number(text))
    if (id === oid.bytea) return (text: string) => new Uint8Array(Buffer.from(text.slice(2), 'hex'))
    return pg.types.getTypeParser(id, format)
  }) as typeof pg.types.getTypeParser,
}
