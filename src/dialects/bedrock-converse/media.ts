import { type ContentPart, GatewayError } from '../../chat/index.ts'
import { dataUrl } from '../anthropic-messages/media.ts'
import type { Json } from '../json.ts'

const IMAGES: ReadonlySet<string> = new Set(['png', 'jpeg', 'gif', 'webp'])
const VIDEOS: Readonly<Record<string, string>> = {
  'x-matroska': 'mkv',
  quicktime: 'mov',
  mp4: 'mp4',
  webm: 'webm',
  'x-flv': 'flv',
  mpeg: 'mpeg',
  'x-ms-wmv': 'wmv',
  '3gpp': 'three_gp',
}
/** Formats of documents by media type and by the ending of a file's name. */
const DOCUMENTS: Readonly<Record<string, string>> = {
  'application/pdf': 'pdf',
  'text/csv': 'csv',
  'application/msword': 'doc',
  'application/vnd.openxmlformats-officedocument.wordprocessingml.document': 'docx',
  'application/vnd.ms-excel': 'xls',
  'application/vnd.openxmlformats-officedocument.spreadsheetml.sheet': 'xlsx',
  'text/html': 'html',
  'text/markdown': 'md',
}
const ENDINGS: ReadonlySet<string> = new Set([...Object.values(DOCUMENTS), 'txt'])

/** The API takes bytes, or files in the customer's own S3. */
function source(what: string, url: string): Json {
  const data = dataUrl(url)
  if (data !== null) return { bytes: data.base64 }
  if (url.startsWith('s3://')) return { s3Location: { uri: url } }
  throw new GatewayError(
    'unprocessable',
    `Amazon Bedrock does not fetch ${what} from the web. Send ${what} as data: URLs (base64).`,
  )
}

/** An image by data: or s3: URL. Throws GatewayError `unprocessable` for other addresses and formats. */
export function encodeImage(url: string): Json {
  const from = source('images', url)
  const named = dataUrl(url)?.mediaType.replace('image/', '') ?? ending(url)
  const format = named === 'jpg' ? 'jpeg' : named
  if (IMAGES.has(format)) return { image: { format, source: from } }
  throw new GatewayError('unprocessable', 'Amazon Bedrock takes images as PNG, JPEG, GIF or WebP.')
}

/** A video by data: or s3: URL. Throws GatewayError `unprocessable` for other addresses and formats. */
export function encodeVideo(url: string): Json {
  const from = source('videos', url)
  const named = dataUrl(url)?.mediaType.replace('video/', '') ?? ending(url)
  const format = VIDEOS[named] ?? Object.values(VIDEOS).find((known) => known === named)
  if (format !== undefined) return { video: { format, source: from } }
  throw new GatewayError('unprocessable', 'Amazon Bedrock does not know the format of the video.')
}

export function encodeAudio({ data, format }: ContentPart & { kind: 'audio' }): Json {
  return { audio: { format: format.toLowerCase(), source: { bytes: dataUrl(data)?.base64 ?? data } } }
}

/** A file as a document (or image); `names` holds the names taken so far: the API wants each only once. */
export function encodeFile(part: ContentPart & { kind: 'file' }, names: Set<string>): Json {
  const { data, filename } = part
  if (data === undefined) {
    throw new GatewayError(
      'unprocessable',
      'Amazon Bedrock keeps no files by id. Send the file itself as a data: URL.',
    )
  }
  const plain = !/^[a-z0-9]{2,}:/i.test(data)
  const url = plain ? `data:application/pdf;base64,${data}` : data
  const mediaType = dataUrl(url)?.mediaType ?? ''
  if (mediaType.startsWith('image/')) return encodeImage(url)
  if (mediaType.startsWith('video/')) return encodeVideo(url)
  const from = source('files', url)
  const end = ending(filename ?? (mediaType === '' ? url : ''))
  const text = mediaType.startsWith('text/') || mediaType === 'application/json' || mediaType === ''
  const format = DOCUMENTS[mediaType] ?? (ENDINGS.has(end) ? end : text ? 'txt' : null)
  if (format === null) {
    throw new GatewayError(
      'unprocessable',
      `Amazon Bedrock reads no files of type ${mediaType.slice(0, 64)}.`,
    )
  }
  return { document: { format, name: uniqueName(filename, names), source: from } }
}

const ending = (name: string): string => /\.([a-z0-9]+)$/i.exec(name)?.[1]?.toLowerCase() ?? ''

/** Letters, digits, single spaces, hyphens, parentheses and brackets are allowed. */
function uniqueName(filename: string | undefined, names: Set<string>): string {
  const stem = (filename ?? '')
    .replace(/\.[a-z0-9]+$/i, '')
    .replace(/[^A-Za-z0-9\-()[\]]+/g, ' ')
    .trim()
  const base = stem.slice(0, 180) || 'document'
  let name = base
  for (let n = 2; names.has(name); n++) name = `${base} ${n}`
  names.add(name)
  return name
}
