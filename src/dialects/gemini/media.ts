import type { ContentPart } from '../../chat/index.ts'
import { GatewayError } from '../../chat/index.ts'
import type { Json } from '../json.ts'

/** Files that were uploaded to Google are named by this address and their id. */
const FILES = 'https://generativelanguage.googleapis.com/v1beta/'

const TYPES: Readonly<Record<string, string>> = {
  png: 'image/png',
  jpg: 'image/jpeg',
  jpeg: 'image/jpeg',
  webp: 'image/webp',
  gif: 'image/gif',
  heic: 'image/heic',
  heif: 'image/heif',
  pdf: 'application/pdf',
  txt: 'text/plain',
  md: 'text/md',
  csv: 'text/csv',
  html: 'text/html',
  htm: 'text/html',
  css: 'text/css',
  xml: 'text/xml',
  json: 'application/json',
  js: 'text/javascript',
  py: 'text/x-python',
  wav: 'audio/wav',
  mp3: 'audio/mp3',
  aiff: 'audio/aiff',
  aac: 'audio/aac',
  ogg: 'audio/ogg',
  flac: 'audio/flac',
  m4a: 'audio/m4a',
  pcm16: 'audio/l16',
  pcm24: 'audio/l24',
  mp4: 'video/mp4',
  mpeg: 'video/mpeg',
  mpg: 'video/mpeg',
  mov: 'video/mov',
  webm: 'video/webm',
}

type MediaPart = ContentPart & { kind: 'image' | 'file' | 'audio' | 'video' }

/**
 * An image, file, audio or video as a part: `data:` URLs inline, web and bucket addresses as a file that Google fetches.
 * Throws GatewayError `unprocessable` (another endpoint may take it) when there is nothing that Google could read.
 */
export function encodeMedia(part: MediaPart): Json {
  switch (part.kind) {
    case 'image':
      return byUrl(part.url, 'image/jpeg')
    case 'video':
      return byUrl(part.url, 'video/mp4')
    case 'audio':
      return inline(TYPES[part.format.toLowerCase()] ?? `audio/${part.format.toLowerCase()}`, part.data)
    case 'file': {
      const guess = typeOf(part.filename ?? '') ?? 'application/pdf'
      if (part.data !== undefined) {
        return /^(data|https?|gs):/i.test(part.data) ? byUrl(part.data, guess) : inline(guess, part.data)
      }
      if (part.fileId === undefined) throw unreadable('A file has neither data nor an id')
      return byUrl(part.fileId.startsWith('files/') ? FILES + part.fileId : part.fileId, guess)
    }
    default:
      return part satisfies never
  }
}

const inline = (mimeType: string, data: string): Json => ({ inlineData: { mimeType, data } })

function byUrl(url: string, guess: string): Json {
  const known = dataUrl(url)
  if (known !== null) return inline(known.mimeType, known.base64)
  if (/^(https?|gs):\/\//i.test(url)) {
    return { fileData: { mimeType: typeOf(url.split(/[?#]/)[0]!) ?? guess, fileUri: url } }
  }
  throw unreadable('A medium is neither a data: URL nor an http(s) or gs address')
}

const unreadable = (what: string): GatewayError =>
  new GatewayError('unprocessable', `${what}, which is all that Google's API reads.`)

/** The media type that the ending of a name stands for, or null. */
function typeOf(name: string): string | null {
  return TYPES[/\.([a-z0-9]+)$/i.exec(name)?.[1]?.toLowerCase() ?? ''] ?? null
}

/** A `data:` URL in its parts, or null for any other URL. The data stay base64. */
export function dataUrl(url: string): { mimeType: string; base64: string } | null {
  if (!url.startsWith('data:')) return null
  const comma = url.indexOf(',')
  if (comma < 0) return null
  const [mimeType = '', ...parameters] = url.slice(5, comma).split(';')
  const data = url.slice(comma + 1)
  return {
    mimeType: mimeType.toLowerCase() || 'text/plain',
    base64: parameters.includes('base64') ? data : Buffer.from(decoded(data), 'utf8').toString('base64'),
  }
}

function decoded(data: string): string {
  try {
    return decodeURIComponent(data)
  } catch {
    return data
  }
}

/** Inline bytes of a part in the hub's words. Google's SDKs write base64 in its URL alphabet; others know the usual one. */
export function decodeInline(mimeType: string, data: string, name: string | null): ContentPart {
  const base64 = /[-_]/.test(data) ? data.replaceAll('-', '+').replaceAll('_', '/') : data
  const url = `data:${mimeType};base64,${base64}`
  if (mimeType.startsWith('image/')) return { kind: 'image', url }
  if (mimeType.startsWith('video/')) return { kind: 'video', url }
  if (mimeType.startsWith('audio/')) return { kind: 'audio', data: base64, format: formatOf(mimeType) }
  return { kind: 'file', data: url, filename: name ?? `file.${endingOf(mimeType)}` }
}

/** A file by address in the hub's words; a video site's page counts as a video. */
export function decodeFile(mimeType: string | null, uri: string, name: string | null): ContentPart {
  if (mimeType?.startsWith('image/')) return { kind: 'image', url: uri }
  const isVideo = mimeType?.startsWith('video/') || /^https:\/\/(www\.)?(youtube\.com|youtu\.be)\//.test(uri)
  if (isVideo) return { kind: 'video', url: uri }
  const filename = name ?? uri.split(/[?#]/)[0]!.split('/').at(-1)!
  return { kind: 'file', data: uri, ...(filename !== '' && { filename }) }
}

const formatOf = (mimeType: string): string =>
  Object.keys(TYPES).find((ending) => TYPES[ending] === mimeType) ??
  mimeType
    .slice(6)
    .replace(/^x-|;.*$/g, '')
    .replace('mpeg', 'mp3')

const endingOf = (mimeType: string): string =>
  Object.keys(TYPES).find((ending) => TYPES[ending] === mimeType) ?? mimeType.split(/[/+;]/)[1] ?? 'bin'
