/** The closest of the words by edit distance, when it is close enough to be a typo; null otherwise. */
export function nearest(word: string, words: readonly string[]): string | null {
  let best: string | null = null
  let least = Math.max(2, Math.floor(word.length / 3)) + 1
  for (const candidate of words) {
    const distance = editDistance(word, candidate)
    if (distance < least) {
      least = distance
      best = candidate
    }
  }
  return best
}

function editDistance(a: string, b: string): number {
  let above = Array.from({ length: b.length + 1 }, (_, at) => at)
  for (let i = 1; i <= a.length; i++) {
    const row = [i]
    for (let j = 1; j <= b.length; j++)
      row.push(Math.min(above[j]! + 1, row[j - 1]! + 1, above[j - 1]! + (a[i - 1] === b[j - 1] ? 0 : 1)))
    above = row
  }
  return above[b.length]!
}

/** What `parseArgs` threw, as one sentence with the option that may be meant. `options`: names without dashes. */
export function usageSentence(error: unknown, options: readonly string[]): string {
  const { message } = error as Error
  const wrong = /^Unknown option '(--?[^' ]+)/.exec(message)?.[1]
  const known = options.map((name) => `--${name}`)
  const guess = wrong === undefined ? null : nearest(wrong, known)
  return `${message.split('. ')[0]!.split('\n')[0]!.replace(/\.$/, '')}.${guess === null ? '' : ` Did you mean ${guess}?`}`
}
