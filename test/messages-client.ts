/**
 * A strict reader of Messages answers, the way official clients add them up, and a plain reading of what Anthropic sent.
 * Written without the dialect's code, so that one can be held against the other.
 */
import { sseData } from './chat-client.ts'

// biome-ignore lint/suspicious/noExplicitAny: foreign JSON, read as loosely as a script would
export type Loose = Record<string, any>

export interface ReadMessage {
  message: Loose
  blocks: Loose[]
  stop: string | null
  usage: Loose | null
  error: Loose | null
  done: boolean
}

/** Reads a stream and throws on what the protocol forbids. `lax` accepts what providers themselves do. */
export function readMessageStream(text: string, lax = false): ReadMessage {
  const read: ReadMessage = { message: {}, blocks: [], stop: null, usage: null, error: null, done: false }
  let open: number | null = null
  let started = false
  const args = new Map<number, string>()
  const must = (truth: boolean, what: string) => {
    if (!truth) throw new Error(what)
  }
  for (const [event, data] of events(text)) {
    must(!read.done && read.error === null, `an event after the end: ${data}`)
    const it = JSON.parse(data) as Loose
    must(lax || event === it['type'], 'the event line and the type differ')
    must(
      started || it['type'] === 'message_start' || it['type'] === 'error' || it['type'] === 'ping',
      'no message_start',
    )
    switch (it['type']) {
      case 'message_start':
        must(!started, 'two starts')
        started = true
        read.message = it['message']
        read.usage = lax ? it['message'].usage : null
        break
      case 'content_block_start':
        must(open === null, 'a block inside a block')
        must(it['index'] === read.blocks.length, 'a gap between blocks')
        open = it['index']
        read.blocks.push({ ...it['content_block'] })
        break
      case 'content_block_delta': {
        must(it['index'] === open, 'a delta outside of its block')
        addDelta(read.blocks[it['index']]!, it['delta'], it['index'], args)
        break
      }
      case 'content_block_stop':
        must(it['index'] === open, 'a stop of a block that is not open')
        open = null
        break
      case 'message_delta':
        must(open === null, 'a block left open')
        must(lax || read.usage === null, 'usage twice')
        read.usage = { ...read.usage, ...it['usage'] }
        read.stop = it['delta'].stop_reason ?? read.stop
        read.message = { ...read.message, ...it['delta'] }
        if (it['context_management']) read.message['context_management'] = it['context_management']
        break
      case 'message_stop':
        read.done = true
        break
      case 'error':
        read.error = it
        break
    }
  }
  // Arguments of a tool that an error broke off are no JSON; nothing may be made of them.
  if (read.error !== null) return read
  for (const [at, json] of args) read.blocks[at]!['input'] = JSON.parse(json || '{}')
  return read
}

function events(text: string): [string | null, string][] {
  return text
    .split(/\r?\n\r?\n/)
    .map((raw): [string | null, string] => [
      /^event: ?(.*)$/m.exec(raw)?.[1]?.trim() ?? null,
      sseData(`${raw}\n\n`)[0] ?? '',
    ])
    .filter(([, data]) => data !== '')
}

function addDelta(block: Loose, delta: Loose, at: number, args: Map<number, string>): void {
  if (delta['type'] === 'text_delta') block['text'] += delta['text']
  else if (delta['type'] === 'thinking_delta') block['thinking'] += delta['thinking']
  else if (delta['type'] === 'signature_delta') block['signature'] = delta['signature']
  else if (delta['type'] === 'citations_delta')
    block['citations'] = [...(block['citations'] ?? []), delta['citation']]
  else if (delta['type'] === 'input_json_delta') args.set(at, (args.get(at) ?? '') + delta['partial_json'])
  else throw new Error(`unknown delta ${delta['type']}`)
}

export function readWholeMessage(body: Loose): ReadMessage {
  const failed = body['type'] === 'error'
  return {
    message: body,
    blocks: body['content'] ?? [],
    stop: body['stop_reason'] ?? null,
    usage: body['usage'] ?? null,
    error: failed ? body : body['error'] ? { error: body['error'] } : null,
    done: !failed,
  }
}

export const textOf = ({ blocks }: ReadMessage): string => join(blocks, 'text', 'text')
export const thinkingOf = ({ blocks }: ReadMessage): string => join(blocks, 'thinking', 'thinking')
export const toolsOf = ({ blocks }: ReadMessage): [string, string, unknown][] =>
  blocks.filter((it) => it['type'] === 'tool_use').map((it) => [it['id'], it['name'], it['input']])
export const citationsOf = ({ blocks }: ReadMessage): Loose[] => blocks.flatMap((it) => it['citations'] ?? [])

const join = (blocks: readonly Loose[], type: string, field: string): string =>
  blocks
    .filter((it) => it['type'] === type)
    .map((it) => it[field])
    .join('')
