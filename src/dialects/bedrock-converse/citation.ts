import type { Citation } from '../../chat/index.ts'
import { type Json, list, object, text } from '../json.ts'

/** A citation of a passage of the answer; `start` and `end` are its characters there, null when none belongs to it. */
export function decodeCitation(wire: Json, start: number | null, end: number | null): Citation {
  const web = object(object(wire['location'])?.['web'])
  const quoted = list(wire['sourceContent']).map((piece) => text(object(piece)?.['text']) ?? '')
  return {
    url: text(web?.['url']) ?? text(wire['source']),
    title: text(wire['title']) ?? text(web?.['domain']),
    text: text(quoted.join('')),
    start,
    end,
    raw: wire,
  }
}
