import type { Block } from '../../chat/index.ts'
import { isObject, type Json } from '../json.ts'
import { dataUrl } from './media.ts'
import { CODE_TOOL } from './wire.ts'

type ServerTool = Block & { kind: 'server-tool' }

/** An image by URL; `mediaType` is told where the URL does not say it. */
export function imagePart(url: string, mediaType: string | undefined): Json {
  const known = dataUrl(url)
  if (known !== null) return { inlineData: { mimeType: known.mimeType, data: known.base64 } }
  return { fileData: { mimeType: mediaType ?? 'image/png', fileUri: url } }
}

/** A tool that the provider ran: Google's own code tool as it writes it, others as server-side invocations. */
export function callPart({ id, name }: ServerTool, args: Json): Json {
  const known = { ...(id !== '' && { id }) }
  if (name === CODE_TOOL && typeof args['code'] === 'string') return { executableCode: { ...args, ...known } }
  return { toolCall: { ...known, toolType: name, args } }
}

/** What such a tool answered. */
export function resultPart({ id, name }: ServerTool, data: unknown): Json {
  const known = { ...(id !== '' && { id }) }
  if (name === CODE_TOOL && isObject(data) && typeof data['outcome'] === 'string') {
    return { codeExecutionResult: { ...data, ...known } }
  }
  return { toolResponse: { ...known, toolType: name, response: isObject(data) ? data : { output: data } } }
}
