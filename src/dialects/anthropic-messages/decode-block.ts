import type { Block, BlockDelta, Citation } from '../../chat/index.ts'
import { type Json, object, text } from '../json.ts'
import { CLAUDE_FORMAT, DIALECT } from './wire.ts'

/** What a content block of this type is in the hub. */
export function blockOf(type: string, wire: Json): Block {
  switch (type) {
    case 'text':
      return { kind: 'text' }
    case 'thinking':
    case 'redacted_thinking':
      return { kind: 'reasoning', format: CLAUDE_FORMAT }
    case 'tool_use':
      return { kind: 'tool', id: text(wire['id']) ?? '', name: text(wire['name']) ?? '' }
    case 'server_tool_use':
    case 'mcp_tool_use':
      return { kind: 'server-tool', id: text(wire['id']) ?? '', name: text(wire['name']) ?? '' }
    default:
      return { kind: 'opaque', dialect: DIALECT, data: wire }
  }
}

/** What a block holds at its start: all of it in a whole message, in streams as a rule nothing. */
export function contentOf(block: Block, wire: Json): BlockDelta[] {
  const deltas: BlockDelta[] = []
  if (block.kind === 'text' && text(wire['text']) !== null)
    deltas.push({ kind: 'text', text: String(wire['text']) })
  if (block.kind === 'reasoning') {
    const said = text(wire['thinking'])
    const signature = text(wire['signature'])
    const data = text(wire['data'])
    if (said !== null) deltas.push({ kind: 'reasoning', text: said })
    if (signature !== null) deltas.push({ kind: 'signature', signature })
    if (data !== null) deltas.push({ kind: 'encrypted', data })
  }
  if (block.kind === 'tool' || block.kind === 'server-tool') {
    const input = wire['input']
    const given =
      object(input) === null ? input !== undefined && input !== null : Object.keys(input as Json).length > 0
    if (given) deltas.push({ kind: 'args', json: JSON.stringify(input) })
  }
  return deltas
}

/** A citation, with the place in the answer's text (UTF-16 units) of what it supports. */
export function citationOf(raw: Json, start: number, end: number): Citation {
  return {
    url: text(raw['url']) ?? text(raw['source']),
    title: text(raw['title']) ?? text(raw['document_title']),
    text: text(raw['cited_text']),
    start,
    end,
    raw,
  }
}
