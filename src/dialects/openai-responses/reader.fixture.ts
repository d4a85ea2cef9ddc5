// biome-ignore lint/suspicious/noExplicitAny: foreign JSON, read as loosely as a script would
type Json = Record<string, any>

/** What a reader makes of an answer in the Responses format, written without the gateway's code. */
export interface Reading {
  text: string
  refusal: string
  reasoning: string
  encrypted: string[]
  tools: { id: string; name: string; args: string }[]
  citations: number
  /** Items of hosted tools. */
  hosted: string[]
  status: string
  reason: string | null
  usage: Json | null
  error: Json | null
}

const PARAGRAPH = '\n\n'

/** Reads a response object. */
export function readResponse(response: Json): Reading {
  const reading: Reading = {
    text: '',
    refusal: '',
    reasoning: '',
    encrypted: [],
    tools: [],
    citations: 0,
    hosted: [],
    status: response['status'],
    reason: response['incomplete_details']?.reason ?? null,
    usage: response['usage'] ?? null,
    error: response['error'] ?? null,
  }
  for (const item of response['output'] ?? []) readItem(item, reading)
  return reading
}

function readItem(item: Json, into: Reading): void {
  const said = (parts: Json[] | undefined): string =>
    (parts ?? []).map((part) => part['text']).join(PARAGRAPH)
  switch (item['type']) {
    case 'message':
      for (const part of item['content']) {
        into.text += part.text ?? ''
        into.refusal += part.refusal ?? ''
        into.citations += part.annotations?.length ?? 0
      }
      break
    case 'reasoning':
      into.reasoning += said(item['summary']) + said(item['content'])
      if (item['encrypted_content']) into.encrypted.push(item['encrypted_content'])
      break
    case 'function_call':
      into.tools.push({ id: item['call_id'], name: item['name'], args: item['arguments'] })
      break
    default:
      into.hosted.push(item['type'])
  }
}

/** Events of a stream; throws when an event's name and type differ. `[DONE]` is left out. */
export function eventsOf(stream: string): Json[] {
  const events: Json[] = []
  for (const frame of stream.split(/\r?\n\r?\n/)) {
    const lines = frame.split(/\r?\n/)
    const data = lines
      .find((line) => line.startsWith('data:'))
      ?.slice(5)
      .trim()
    const name = lines
      .find((line) => line.startsWith('event:'))
      ?.slice(6)
      .trim()
    if (data === undefined || data === '[DONE]') continue
    const event = JSON.parse(data)
    if (name !== undefined && event.type !== name) throw new Error(`${name} is called ${event.type}`)
    events.push(event)
  }
  return events
}

/** A provider's stream: its own items in order count (the last event repeats them, sealed anew), the rest is of the last. */
export function readProviderStream(stream: string): Reading {
  const events = eventsOf(stream)
  const items = events.filter(({ type }) => type === 'response.output_item.done').map(({ item }) => item)
  const last = events.at(-1)!['response']
  return readResponse(items.length === 0 ? last : { ...last, output: items })
}

/**
 * What the gateway's stream says, read strictly: numbers without gaps, items and parts that begin before they are added
 * to and end once, deltas that add up to what the end of each repeats, one terminal event that repeats it all, and
 * nothing behind it.
 */
export function readGatewayStream(stream: string): Reading {
  const events = eventsOf(stream)
  const reader = new StrictReader()
  events.forEach((event, i) => {
    if (event['sequence_number'] !== i) throw new Error(`number ${event['sequence_number']} at ${i}`)
    reader.read(event, i)
  })
  if (reader.terminal === null) throw new Error('no terminal event')
  if (!stream.endsWith('data: [DONE]\n\n')) throw new Error('no end mark')
  const done = [...reader.items.values()].map(({ done }) => done)
  if (JSON.stringify(done) !== JSON.stringify(reader.terminal['output']))
    throw new Error('the output differs')
  return readResponse(reader.terminal)
}

interface OpenItem {
  readonly id: string
  readonly type: string
  readonly sums: Map<string, string>
  readonly parts: Set<string>
  done: Json | null
}

const SUMS: Record<string, string> = {
  'response.output_text': 'text',
  'response.refusal': 'refusal',
  'response.reasoning_text': 'text',
  'response.reasoning_summary_text': 'text',
  'response.function_call_arguments': 'arguments',
  'response.custom_tool_call_input': 'input',
}

class StrictReader {
  readonly items = new Map<number, OpenItem>()
  terminal: Json | null = null
  private error: Json | null = null

  read(event: Json, i: number): void {
    if (this.terminal !== null) throw new Error('an event behind the end')
    const expected = ['response.created', 'response.in_progress'][i]
    if (expected !== undefined && event['type'] !== expected) throw new Error(`${event['type']} at ${i}`)
    switch (event['type']) {
      case 'response.created':
      case 'response.in_progress':
        return
      case 'error':
        if (this.error !== null) throw new Error('two errors')
        this.error = event
        return
      case 'response.failed':
        if (event['response'].error.message !== this.error?.['message']) throw new Error('another error')
        this.terminal = event['response']
        return
      case 'response.completed':
      case 'response.incomplete':
        if (this.error !== null) throw new Error('an error and a good end')
        this.terminal = event['response']
        if (`response.${event['response'].status}` !== event['type']) throw new Error('another status')
        return
      case 'response.output_item.added':
        if (event['output_index'] !== this.items.size) throw new Error('not the next item')
        this.items.set(event['output_index'], {
          id: event['item'].id,
          type: event['item'].type,
          sums: new Map(),
          parts: new Set(),
          done: null,
        })
        return
      default:
        this.within(event)
    }
  }

  private within(event: Json): void {
    const item = this.items.get(event['output_index'])
    if (item === undefined || item.done !== null) throw new Error(`${event['type']} outside of an item`)
    if ((event['item_id'] ?? event['item'].id) !== item.id) throw new Error('another id')
    if (event['type'] === 'response.output_item.done') {
      if (event['item'].type !== item.type || item.parts.size > 0) throw new Error('an item that is not over')
      item.done = event['item']
      return
    }
    const [, base = '', what = ''] = /^(.*)\.(\w+)$/.exec(event['type'])!
    const at = `${event['content_index'] ?? ''}/${event['summary_index'] ?? ''}`
    const key = `${base}/${at}`
    if (what === 'delta') {
      if (item.type !== 'function_call' && item.type !== 'custom_tool_call' && !item.parts.has(at))
        throw new Error('a delta outside of a part')
      item.sums.set(key, (item.sums.get(key) ?? '') + event['delta'])
    } else if (what === 'done' && SUMS[base] !== undefined) {
      if (event[SUMS[base]] !== (item.sums.get(key) ?? '')) throw new Error(`${base} does not add up`)
    } else if (base.endsWith('_part') && what === 'added') item.parts.add(at)
    else if (base.endsWith('_part') && what === 'done') {
      if (!item.parts.delete(at)) throw new Error('a part that did not begin')
    } else if (event['type'] !== 'response.output_text.annotation.added') {
      throw new Error(`unknown event ${event['type']}`)
    }
  }
}
