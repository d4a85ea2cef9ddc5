import type { Model } from './catalog.ts'

/** Longest part of a wrong name that is looked at, in UTF-16 units. */
const LONGEST = 80
/** Candidates that get the exact distance; the rest is left out by cheap overlap. */
const SHORTLIST = 48
/** Below this nothing is alike enough to be worth a sentence. */
const ALIKE = 0.45

interface Entry {
  readonly id: string
  readonly text: string
  readonly tokens: ReadonlySet<string>
  readonly pairs: ReadonlyMap<string, number>
}

/**
 * Makes the function that finds the closest ids to a wrong name. Likeness is the better of two views: edits
 * (Damerau-Levenshtein over the whole id or the part after the author) and shared words; the work is bounded by
 * SHORTLIST × LONGEST² whatever is asked.
 */
export function createSuggest(models: readonly Model[]): (name: string, limit: number) => string[] {
  let entries: Entry[] | undefined
  return (name, limit) => {
    entries ??= models.map(({ id }) => entry(id))
    const asked = entry(name.slice(0, LONGEST))
    if (asked.text === '' || limit <= 0) return []
    const shortlist = entries
      .map((candidate) => ({ candidate, score: overlap(asked, candidate) }))
      .filter(({ score }) => score > 0)
      .sort((a, b) => b.score - a.score || a.candidate.id.length - b.candidate.id.length)
      .slice(0, SHORTLIST)
    return shortlist
      .map(({ candidate }) => ({ id: candidate.id, score: likeness(asked, candidate) }))
      .filter(({ score }) => score >= ALIKE)
      .sort((a, b) => b.score - a.score || a.id.length - b.id.length || (a.id < b.id ? -1 : 1))
      .slice(0, limit)
      .map(({ id }) => id)
  }
}

function entry(id: string): Entry {
  const text = id.toLowerCase().replace(/[^a-z0-9/:]+/g, '-')
  const pairs = new Map<string, number>()
  for (let i = 0; i + 1 < text.length; i++) {
    const pair = text.slice(i, i + 2)
    pairs.set(pair, (pairs.get(pair) ?? 0) + 1)
  }
  return { id, text, tokens: new Set(text.match(/[a-z]+|\d+/g) ?? []), pairs }
}

/** Dice's coefficient over pairs of letters, 0..1. */
function overlap(a: Entry, b: Entry): number {
  let common = 0
  for (const [pair, count] of a.pairs) common += Math.min(count, b.pairs.get(pair) ?? 0)
  const all = Math.max(1, a.text.length + b.text.length - 2)
  return (2 * common) / all
}

function likeness(asked: Entry, candidate: Entry): number {
  const edits = Math.max(
    alike(asked.text, candidate.text),
    alike(bare(asked.text), bare(candidate.text)) - 0.02,
    within(bare(asked.text), bare(candidate.text)),
    squash(asked.text) === squash(candidate.text) ? 0.99 : 0,
  )
  let shared = 0
  for (const token of asked.tokens) if (candidate.tokens.has(token)) shared++
  const words = shared / Math.max(1, asked.tokens.size, candidate.tokens.size)
  return 0.7 * edits + 0.3 * words
}

/** Letters and digits of the name: equal where only separators differ (`opus-45`, `opus-4.5`). */
const squash = (text: string): string => bare(text).replace(/[^a-z0-9]/g, '')

/** The name without its author. */
const bare = (text: string): string => text.slice(text.indexOf('/') + 1)

function alike(a: string, b: string): number {
  const longest = Math.max(a.length, b.length)
  return longest === 0 ? 0 : 1 - distance(a, b) / longest
}

/** One name with something added to it, as in `gpt-5.1-turbo`: 0.7 and more; 0 when neither begins the other. */
function within(a: string, b: string): number {
  const [short, long] = a.length < b.length ? [a, b] : [b, a]
  return short.length >= 4 && long.startsWith(`${short}-`) ? 0.7 + (0.3 * short.length) / long.length : 0
}

/**
 * Damerau-Levenshtein in its restricted form (optimal string alignment): insertions, deletions, replacements and swaps
 * of neighbours. Time a.length × b.length, memory three rows.
 */
export function distance(a: string, b: string): number {
  let before: number[] = []
  let above = Array.from({ length: b.length + 1 }, (_, j) => j)
  for (let i = 1; i <= a.length; i++) {
    const row = [i]
    for (let j = 1; j <= b.length; j++) {
      const same = a[i - 1] === b[j - 1]
      let least = Math.min(above[j]! + 1, row[j - 1]! + 1, above[j - 1]! + (same ? 0 : 1))
      if (i > 1 && j > 1 && a[i - 1] === b[j - 2] && a[i - 2] === b[j - 1])
        least = Math.min(least, before[j - 2]! + 1)
      row.push(least)
    }
    before = above
    above = row
  }
  return above[b.length]!
}
