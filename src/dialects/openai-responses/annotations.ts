import type { Citation } from '../../chat/index.ts'
import { count, isObject, type Json, object, text } from '../json.ts'

/** Annotations that only this format has; they travel as they are. */
const OWN = ['file_citation', 'container_file_citation', 'file_path']

/** An annotation of output text as a citation. */
export function decodeAnnotation(raw: unknown): Citation {
  const wire = object(raw) ?? {}
  return {
    url: text(wire['url']),
    title: text(wire['title']) ?? text(wire['filename']),
    text: null,
    start: count(wire['start_index']),
    end: count(wire['end_index']),
    raw,
  }
}

/** A citation as an annotation: unchanged when it was one of this format. */
export function encodeAnnotation({ raw, url, title, start, end }: Citation): Json {
  if (isObject(raw) && (OWN.includes(String(raw['type'])) || isUrlCitation(raw))) return raw
  return {
    type: 'url_citation',
    url: url ?? '',
    title: title ?? '',
    start_index: start ?? 0,
    end_index: end ?? 0,
  }
}

const isUrlCitation = (raw: Json): boolean =>
  raw['type'] === 'url_citation' && typeof raw['url'] === 'string' && count(raw['start_index']) !== null
