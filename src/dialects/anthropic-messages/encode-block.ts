import type { Block, Citation } from '../../chat/index.ts'
import { isObject, type Json } from '../json.ts'
import type { Proof } from './foreign.ts'
import { dataUrl } from './media.ts'

/** The proof of a reasoning block, marked with its family. */
export const proofOf = (
  { format, id }: Block & { kind: 'reasoning' },
  kind: Proof['kind'],
  value: string,
): Proof => ({ format: format ?? 'unknown', kind, value, ...(id !== undefined && { id }) })

/** An id for a call that came without one; the same on every run. */
export const toolSeed = (id: string, at: number): string =>
  `toolu_${id.replace(/^gen-|[^A-Za-z0-9]/g, '')}_${at}`

/** `content_block` of a block's start; `id` is for a call that came without one. */
export function startOf(block: Block, id: string): Json {
  switch (block.kind) {
    case 'reasoning':
      return { type: 'thinking', thinking: '', signature: '' }
    case 'tool':
      return { type: 'tool_use', id: block.id || id, name: block.name, input: {} }
    case 'server-tool':
      return {
        type: block.id.startsWith('mcp') ? 'mcp_tool_use' : 'server_tool_use',
        id: block.id,
        name: block.name,
        input: {},
      }
    case 'opaque':
      return isObject(block.data) ? block.data : { type: 'text', text: '' }
    case 'text':
    case 'refusal':
    case 'audio':
    case 'image':
      return { type: 'text', text: '' }
    default:
      return block satisfies never
  }
}

/** An image by URL (http or data:) as a block of its own. */
export function imageBlock(url: string): Json {
  const data = dataUrl(url)
  const source =
    data === null ? { type: 'url', url } : { type: 'base64', media_type: data.mediaType, data: data.base64 }
  return { type: 'image', source }
}

/** A citation as the API writes it: unchanged when it was one, else as one of a web search. */
export function citationOf({ raw, url, title, text }: Citation): Json {
  if (isObject(raw) && typeof raw['type'] === 'string' && raw['type'].endsWith('_location')) return raw
  return {
    type: 'web_search_result_location',
    url: url ?? '',
    title,
    cited_text: text ?? '',
    encrypted_index: '',
  }
}
