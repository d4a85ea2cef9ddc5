import type { ContentPart } from '../../chat/index.ts'
import type { Json } from '../json.ts'
import type { Drops } from './drops.ts'

/** Beta that documents and images by file id need. */
export const FILES_BETA = 'files-api-2025-04-14'

/** A `data:` URL in its parts, or null for any other URL. The data stay base64. */
export function dataUrl(url: string): { mediaType: string; base64: string } | null {
  if (!url.startsWith('data:')) return null
  const comma = url.indexOf(',')
  const [mediaType = '', ...parameters] = url.slice(5, comma).split(';')
  const data = url.slice(comma + 1)
  const base64 = parameters.includes('base64')
    ? data
    : Buffer.from(safeDecode(data), 'utf8').toString('base64')
  return { mediaType: mediaType.toLowerCase() || 'text/plain', base64 }
}

function safeDecode(data: string): string {
  try {
    return decodeURIComponent(data)
  } catch {
    return data
  }
}

/** An image by URL (http or data:) as a block. */
export function encodeImage(url: string): Json {
  const data = dataUrl(url)
  const source: Json =
    data === null
      ? { type: 'url', url }
      : {
          type: 'base64',
          media_type: data.mediaType === 'image/jpg' ? 'image/jpeg' : data.mediaType,
          data: data.base64,
        }
  return { type: 'image', source }
}

/** A file as a document (PDF, text) or image block; null, and named, when the API cannot read its kind. */
export function encodeFile(part: ContentPart & { kind: 'file' }, drops: Drops): Json | null {
  const title = part.filename === undefined ? {} : { title: part.filename }
  if (part.data === undefined) {
    if (part.fileId !== undefined) {
      return { type: 'document', source: { type: 'file', file_id: part.fileId }, ...title }
    }
    drops.add('file', 'a file without data or id')
    return null
  }
  if (/^https?:/i.test(part.data)) {
    return { type: 'document', source: { type: 'url', url: part.data }, ...title }
  }
  const { mediaType, base64 } = dataUrl(part.data) ?? {
    mediaType: 'application/pdf',
    base64: part.data,
  }
  if (mediaType.startsWith('image/')) return encodeImage(`data:${mediaType};base64,${base64}`)
  if (mediaType === 'application/pdf') {
    return { type: 'document', source: { type: 'base64', media_type: mediaType, data: base64 }, ...title }
  }
  if (mediaType.startsWith('text/') || mediaType === 'application/json') {
    const data = Buffer.from(base64, 'base64').toString('utf8')
    return { type: 'document', source: { type: 'text', media_type: 'text/plain', data }, ...title }
  }
  drops.add('file', `the Messages API reads no files of type ${mediaType.slice(0, 64)}`)
  return null
}
