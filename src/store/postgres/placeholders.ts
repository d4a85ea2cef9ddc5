/** Literals, quoted names and comments are skipped over; only a `?` between them is a placeholder. */
const token = /'(?:[^']|'')*'|"(?:[^"]|"")*"|--[^\n]*|\/\*[\s\S]*?\*\/|\?/g

/** @returns the SQL with `?` replaced by `$1`, `$2`, … */
export function numberPlaceholders(sql: string): string {
  let n = 0
  return sql.replace(token, (found) => (found === '?' ? `$${++n}` : found))
}
