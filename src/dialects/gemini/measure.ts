import { type Json, list, object, text } from '../json.ts'
import { emptyMeasure, type InputModality, type Measure, weigh } from '../openai-chat/measure.ts'
import { contentsOf } from './decode-contents.ts'
import { decodeFile } from './media.ts'
import { field } from './wire.ts'

/** Room for what a chat template adds around each turn, in bytes. */
const TEMPLATE_BYTES = 16

/** What the prompt of a body weighs (UTF-8 bytes of text, tools and schemas), and its media. */
export function measure(body: Json): Measure {
  const into = emptyMeasure()
  for (const content of [...contentsOf(body), object(field(body, 'systemInstruction')) ?? {}]) {
    into.bytes += TEMPLATE_BYTES
    const parts = content['parts']
    for (const part of Array.isArray(parts) ? parts : [parts]) measurePart(object(part) ?? {}, into)
  }
  into.bytes += weigh(body['tools'] ?? '')
  const config = object(field(body, 'generationConfig'))
  into.bytes += weigh(field(config, 'responseSchema') ?? field(config, 'responseJsonSchema') ?? '')
  return into
}

function measurePart(part: Json, into: Measure): void {
  const inline = object(field(part, 'inlineData')) ?? object(field(part, 'fileData'))
  if (inline !== null) {
    into.media++
    into.modalities.add(modalityOf(text(field(inline, 'mimeType')), text(field(inline, 'fileUri'))))
    return
  }
  const result = object(field(part, 'functionResponse'))
  if (result === null) into.bytes += weigh(part)
  else {
    const { parts, ...rest } = result
    into.bytes += weigh(rest)
    for (const inner of list(parts)) measurePart(object(inner) ?? {}, into)
  }
}

function modalityOf(mimeType: string | null, uri: string | null): InputModality {
  if (mimeType?.startsWith('audio/')) return 'audio'
  const { kind } = decodeFile(mimeType, uri ?? '', null)
  return kind === 'image' || kind === 'video' ? kind : 'file'
}
