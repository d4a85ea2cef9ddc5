import type { Citation } from '../../chat/index.ts'
import { count, type Json, list, object, text } from '../json.ts'

/**
 * The sources of an answer: each support of `groundingMetadata` with each source it names, sources that nothing refers
 * to, and `citationMetadata`. Google counts places in bytes of UTF-8; the hub counts characters. `said` is the text.
 */
export function decodeCitations(grounding: Json | null, quoted: Json | null, said: string): Citation[] {
  const places = new Places(said)
  const sources = list(grounding?.['groundingChunks']).map((chunk) => sourceOf(object(chunk) ?? {}))
  const found: Citation[] = []
  const named = new Set<number>()
  for (const raw of list(grounding?.['groundingSupports'])) {
    const support = object(raw) ?? {}
    const segment = object(support['segment']) ?? {}
    for (const number of list(support['groundingChunkIndices'])) {
      const source = typeof number === 'number' ? sources[number] : undefined
      if (source === undefined) continue
      named.add(number as number)
      found.push({
        ...source,
        ...places.segment(segment),
        raw: { ...support, groundingChunk: source.raw },
      })
    }
  }
  for (const [number, source] of sources.entries()) if (!named.has(number)) found.push(source)
  const quotes = quoted?.['citations'] ?? quoted?.['citationSources']
  for (const raw of list(quotes)) {
    const quote = object(raw) ?? {}
    found.push({
      url: text(quote['uri']),
      title: text(quote['title']),
      text: null,
      start: places.character(count(quote['startIndex']) ?? 0),
      end: places.character(count(quote['endIndex'])),
      raw,
    })
  }
  return found
}

/** A chunk is `{web | retrievedContext | maps: {uri, title}}`. */
function sourceOf(chunk: Json): Citation {
  const source = object(chunk['web'] ?? chunk['retrievedContext'] ?? chunk['maps']) ?? {}
  return {
    url: text(source['uri']),
    title: text(source['title']),
    text: text(source['text']),
    start: null,
    end: null,
    raw: chunk,
  }
}

/** Byte places of a text as character places, and back. */
export class Places {
  private readonly said: string
  private readonly bytes: Buffer

  constructor(said: string) {
    this.said = said
    this.bytes = Buffer.from(said)
  }

  character(byte: number | null): number | null {
    if (byte === null) return null
    return byte >= this.bytes.length ? this.said.length : this.bytes.subarray(0, byte).toString('utf8').length
  }

  /** A quoted place of the text. Where Google miscounts (seen on Vertex), the quoted words themselves tell the place. */
  segment(segment: Json): { text: string | null; start: number | null; end: number | null } {
    const quoted = text(segment['text'])
    const start = this.character(count(segment['startIndex']) ?? 0)!
    const end = this.character(count(segment['endIndex']))
    if (quoted === null || this.said.slice(start, end ?? start) === quoted)
      return { text: quoted, start, end }
    const after = this.said.indexOf(quoted, start)
    const at = after >= 0 ? after : this.said.lastIndexOf(quoted, start)
    return at < 0
      ? { text: quoted, start: null, end: null }
      : { text: quoted, start: at, end: at + quoted.length }
  }

  byte(character: number): number {
    return Buffer.byteLength(this.said.slice(0, character))
  }
}

/** Citations as `groundingMetadata`; null when there are none. */
export function encodeCitations(citations: readonly Citation[], said: string): Json | null {
  if (citations.length === 0) return null
  const places = new Places(said)
  const chunks: Json[] = []
  const numbers = new Map<string, number>()
  const supports = new Map<string, Json & { groundingChunkIndices: number[] }>()
  for (const { url, title, text: quoted, start, end } of citations) {
    const key = `${url}\n${title}`
    let number = numbers.get(key)
    if (number === undefined) {
      number = chunks.push({ web: { uri: url ?? '', title: title ?? '' } }) - 1
      numbers.set(key, number)
    }
    if (start === null || end === null) continue
    const place = `${start}-${end}`
    const support = supports.get(place)
    if (support === undefined) {
      const segment = {
        startIndex: places.byte(start),
        endIndex: places.byte(end),
        text: quoted ?? said.slice(start, end),
      }
      supports.set(place, { segment, groundingChunkIndices: [number] })
    } else support.groundingChunkIndices.push(number)
  }
  return {
    groundingChunks: chunks,
    ...(supports.size > 0 && { groundingSupports: [...supports.values()] }),
  }
}
