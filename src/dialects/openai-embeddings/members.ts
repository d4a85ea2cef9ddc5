/** Where the value of a member stands in a JSON text: from its first character to behind its last. */
export interface Member {
  readonly from: number
  readonly to: number
  /** Of a list: the objects in it. */
  readonly objects: number
}

const MARKS = ['"', '{', '}', '[', ']'] as const

/**
 * The members of a JSON object by name, without reading their values: a list of a million numbers costs a search for
 * brackets. Null when the text ends early or is no object; what is inside the values is not checked.
 * @param source one character a byte (latin1), so that positions are those of the bytes
 */
export function membersOf(source: string): ReadonlyMap<string, Member> | null {
  const members = new Map<string, Member>()
  let at = blank(source, 0)
  if (source[at] !== '{') return null
  at = blank(source, at + 1)
  if (source[at] === '}') return members
  for (;;) {
    const colon = source[at] === '"' ? blank(source, endOfText(source, at)) : -1
    if (source[colon] !== ':') return null
    const from = blank(source, colon + 1)
    const { to, objects } = endOfValue(source, from)
    if (to <= from || to > source.length) return null
    members.set(source.slice(at + 1, source.indexOf('"', at + 1)), { from, to, objects })
    at = blank(source, to)
    if (source[at] === '}') return members
    if (source[at] !== ',') return null
    at = blank(source, at + 1)
  }
}

/** Past white space. */
function blank(source: string, from: number): number {
  let at = from
  while (at < source.length && source.charCodeAt(at) <= 0x20) at++
  return at
}

/** Behind the closing quote; past the end of the source when there is none. */
function endOfText(source: string, quote: number): number {
  for (let at = quote; ; ) {
    at = source.indexOf('"', at + 1)
    if (at === -1) return source.length + 1
    let escapes = 0
    while (source[at - 1 - escapes] === '\\') escapes++
    if (escapes % 2 === 0) return at + 1
  }
}

function endOfValue(source: string, from: number): { to: number; objects: number } {
  const first = source[from]
  if (first === '"') return { to: endOfText(source, from), objects: 0 }
  if (first !== '{' && first !== '[') {
    let to = from
    while (to < source.length && !',}]'.includes(source[to]!) && source.charCodeAt(to) > 0x20) to++
    return { to, objects: 0 }
  }
  let depth = 0
  let objects = 0
  const next = nearest(source)
  for (let at = next(from); at < source.length; at = next(at + 1)) {
    const mark = source[at]
    if (mark === '"') {
      at = endOfText(source, at) - 1
    } else if (mark === '{' || mark === '[') {
      if (depth === 1 && mark === '{') objects++
      depth++
    } else if (--depth === 0) {
      return { to: at + 1, objects }
    }
  }
  return { to: source.length + 1, objects }
}

/**
 * A function that gives the place of the nearest mark at or behind a place; places only grow. Each mark is searched for
 * by itself, which runs over numbers many times faster than looking at every character.
 */
function nearest(source: string): (from: number) => number {
  const places = MARKS.map(() => -1)
  return (from) => {
    let least = source.length
    for (let i = 0; i < MARKS.length; i++) {
      if (places[i]! < from) {
        const found = source.indexOf(MARKS[i]!, from)
        places[i] = found === -1 ? source.length : found
      }
      if (places[i]! < least) least = places[i]!
    }
    return least
  }
}
