/** Rows as aligned columns under a heading; numbers and amounts (`?` when unknown) to the right. */
export function table(heading: readonly string[], rows: readonly (readonly string[])[]): string[] {
  const widths = heading.map((title, column) =>
    Math.max(title.length, ...rows.map((row) => (row[column] ?? '').length)),
  )
  const right = heading.map(
    (_, column) => rows.length > 0 && rows.every((row) => /^-?[$]?[\d,.]*$|^[?]$/.test(row[column] ?? '')),
  )
  const line = (cells: readonly string[]) =>
    cells
      .map((cell, column) => (right[column] ? cell.padStart(widths[column]!) : cell.padEnd(widths[column]!)))
      .join('  ')
      .trimEnd()
  return [line(heading), ...rows.map(line)]
}
