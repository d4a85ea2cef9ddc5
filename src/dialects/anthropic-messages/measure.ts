import { isObject, type Json, text } from '../json.ts'
import { emptyMeasure, type InputModality, type Measure, weigh } from '../openai-chat/measure.ts'

/** Room for what a chat template adds around each message, in bytes. */
const TEMPLATE_BYTES = 16

const MEDIA: Readonly<Record<string, InputModality>> = {
  image: 'image',
  document: 'file',
  container_upload: 'file',
}

/**
 * UTF-8 bytes of the text of the prompt and of the tools, keys included; media are counted instead. Documents of plain
 * text are text.
 */
export function measure(body: Json, messages: readonly Json[]): Measure {
  const into = emptyMeasure()
  addContent(body['system'], into)
  for (const message of messages) {
    into.bytes += TEMPLATE_BYTES
    addContent(message['content'], into)
  }
  into.bytes += weigh(body['tools'] ?? '') + weigh(body['output_config'] ?? '')
  return into
}

function addContent(content: unknown, into: Measure): void {
  if (Array.isArray(content)) for (const block of content) addBlock(block, into)
  else if (content !== undefined && content !== null) into.bytes += weigh(content)
}

function addBlock(block: unknown, into: Measure): void {
  if (!isObject(block)) {
    into.bytes += weigh(block)
    return
  }
  const modality = MEDIA[text(block['type']) ?? '']
  const source = isObject(block['source']) ? block['source'] : {}
  const isMedia = modality !== undefined && source['type'] !== 'text' && source['type'] !== 'content'
  if (isMedia) {
    into.media++
    into.modalities.add(modality)
  }
  into.bytes += TEMPLATE_BYTES
  for (const key in block) {
    if (key === 'type' || (key === 'source' && isMedia)) continue
    if (key === 'content') addContent(block[key], into)
    else into.bytes += key.length + weigh(block[key])
  }
}
