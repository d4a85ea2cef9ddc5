/** Edits (insert, delete, replace, swap of neighbours) between two short words, in upper-bounded time. */
function distance(a: string, b: string): number {
  let before: number[] = []
  let row = Array.from({ length: b.length + 1 }, (_, i) => i)
  for (let i = 1; i <= a.length; i++) {
    const next = [i]
    for (let j = 1; j <= b.length; j++) {
      const same = a[i - 1] === b[j - 1] ? 0 : 1
      let best = Math.min(row[j]! + 1, next[j - 1]! + 1, row[j - 1]! + same)
      const swapped = i > 1 && j > 1 && a[i - 1] === b[j - 2] && a[i - 2] === b[j - 1]
      if (swapped) best = Math.min(best, before[j - 2]! + 1)
      next.push(best)
    }
    before = row
    row = next
  }
  return row[b.length]!
}

const plain = (word: string) => word.toLowerCase().replace(/[^a-z0-9]/g, '')

/** The known word closest to a wrong one, when it is close enough to be meant (about a third of its letters); else null. */
export function closest(word: string, known: readonly string[]): string | null {
  const wanted = plain(word.slice(0, 64))
  let best: { word: string; edits: number } | null = null
  for (const candidate of known) {
    const edits = distance(wanted, plain(candidate))
    if (best === null || edits < best.edits) best = { word: candidate, edits }
  }
  return best !== null && best.edits <= Math.max(1, Math.floor(wanted.length / 3)) ? best.word : null
}

/** ` Did you mean \`x\`?` or nothing. */
export function didYouMean(word: string, known: readonly string[]): string {
  const meant = closest(word, known)
  return meant === null ? '' : ` Did you mean \`${meant}\`?`
}
