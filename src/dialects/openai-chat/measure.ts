import { GatewayError } from '../../chat/index.ts'
import { isObject, type Json, text } from '../json.ts'

/** Room for what a provider's chat template adds around each message and tool, in bytes. */
const TEMPLATE_BYTES = 16
/** Deeper structures are refused; the edge limits depth too, this keeps the walk itself safe. */
const MAX_DEPTH = 128

export type InputModality = 'text' | 'image' | 'file' | 'audio' | 'video'

/** What the prompt weighs, without its media. */
export interface Measure {
  bytes: number
  media: number
  readonly modalities: Set<InputModality>
}

const MEDIA: Readonly<Record<string, { readonly modality: InputModality; readonly field: string }>> = {
  image_url: { modality: 'image', field: 'image_url' },
  input_audio: { modality: 'audio', field: 'input_audio' },
  file: { modality: 'file', field: 'file' },
  video_url: { modality: 'video', field: 'video_url' },
  input_video: { modality: 'video', field: 'video_url' },
}

export const emptyMeasure = (): Measure => ({ bytes: 0, media: 0, modalities: new Set(['text']) })

/** Adds a message: its text in UTF-8 bytes, keys included (they stand for the template around it); media are counted. */
export function measureMessage(message: Json, into: Measure): void {
  into.bytes += TEMPLATE_BYTES
  for (const key in message) {
    const value = message[key]
    if (key === 'content' && Array.isArray(value)) for (const part of value) measurePart(part, into)
    else if (key === 'images' && Array.isArray(value)) into.media += value.length
    else if (key === 'audio') into.media += value === null ? 0 : 1
    else into.bytes += key.length + weigh(value, 0)
  }
}

function measurePart(part: unknown, into: Measure): void {
  const media = isObject(part) ? MEDIA[text(part['type']) ?? ''] : undefined
  if (media === undefined || !isObject(part)) {
    into.bytes += weigh(part, 0)
    return
  }
  into.media++
  into.modalities.add(media.modality)
  for (const key in part) if (key !== media.field && key !== 'type') into.bytes += weigh(part[key], 0)
}

/** UTF-8 bytes of every string and key in a JSON value; numbers and the like count as eight. No copies are made. */
export function weigh(value: unknown, depth = 0): number {
  if (typeof value === 'string') return Buffer.byteLength(value)
  if (typeof value !== 'object' || value === null) return 8
  if (depth > MAX_DEPTH) {
    throw new GatewayError('invalid_request', `The body is nested deeper than ${MAX_DEPTH} levels.`)
  }
  let bytes = TEMPLATE_BYTES
  if (Array.isArray(value)) for (const item of value) bytes += weigh(item, depth + 1)
  else for (const key in value) bytes += Buffer.byteLength(key) + weigh((value as Json)[key], depth + 1)
  return bytes
}
