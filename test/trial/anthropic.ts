import type { ChatEvent, FinishReason } from '../../src/chat/index.ts'
import type { RecordedCase } from '../fixtures.ts'
import { empty, eventsOf, type Json, type Reading, Writer } from './writer.ts'

const ANTHROPIC: Readonly<Record<string, FinishReason>> = {
  max_tokens: 'length',
  tool_use: 'tool_calls',
  refusal: 'content_filter',
}

function anthropicUsage(writer: Writer, usage: Json): void {
  const read = usage['cache_read_input_tokens'] ?? 0
  const write = usage['cache_creation_input_tokens'] ?? 0
  const oneHour = usage['cache_creation']?.ephemeral_1h_input_tokens ?? 0
  writer.usage(
    {
      promptTokens: usage['input_tokens'] + read + write,
      completionTokens: usage['output_tokens'],
      cacheReadTokens: read,
      cacheWriteTokens: write - oneHour,
      cacheWrite1hTokens: oneHour,
    },
    usage,
  )
}

function anthropicBlock(writer: Writer, key: string, block: Json): void {
  const { type } = block
  if (type === 'text') writer.block(key, { kind: 'text' })
  else if (type === 'thinking' || type === 'redacted_thinking')
    writer.block(key, { kind: 'reasoning', format: 'anthropic-claude-v1' })
  else if (type === 'tool_use') writer.block(key, { kind: 'tool', id: block['id'], name: block['name'] })
  else if (type === 'server_tool_use')
    writer.block(key, { kind: 'server-tool', id: block['id'], name: block['name'] })
  else writer.block(key, { kind: 'opaque', dialect: 'anthropic-messages', data: block })
  if (block['text']) writer.add(key, { kind: 'text', text: block['text'] })
  if (block['thinking']) writer.add(key, { kind: 'reasoning', text: block['thinking'] })
  if (block['signature']) writer.add(key, { kind: 'signature', signature: block['signature'] })
  if (type === 'redacted_thinking') writer.add(key, { kind: 'encrypted', data: block['data'] })
  if (block['input'] && Object.keys(block['input']).length > 0)
    writer.add(key, { kind: 'args', json: JSON.stringify(block['input']) })
  for (const citation of block['citations'] ?? []) writer.cite(citation)
}

export function anthropicEvents(recorded: RecordedCase): ChatEvent[] {
  const writer = new Writer()
  let usage: Json = {}
  for (const event of eventsOf(recorded)) {
    const key = String(event['index'])
    switch (event['type']) {
      case 'message':
        for (const [i, block] of event['content'].entries()) anthropicBlock(writer, String(i), block)
        anthropicUsage(writer, event['usage'])
        writer.end(event['stop_reason'], ANTHROPIC, event['stop_details'])
        break
      case 'message_start':
        writer.events.push({ type: 'start', id: event['message'].id, model: event['message'].model })
        usage = event['message'].usage
        break
      case 'content_block_start':
        anthropicBlock(writer, key, event['content_block'])
        break
      case 'content_block_delta': {
        const delta = event['delta']
        if (delta.type === 'text_delta') writer.add(key, { kind: 'text', text: delta.text })
        else if (delta.type === 'thinking_delta') writer.add(key, { kind: 'reasoning', text: delta.thinking })
        else if (delta.type === 'signature_delta')
          writer.add(key, { kind: 'signature', signature: delta.signature })
        else if (delta.type === 'input_json_delta')
          writer.add(key, { kind: 'args', json: delta.partial_json })
        else if (delta.type === 'citations_delta') writer.cite(delta.citation)
        else writer.add(key, { kind: 'opaque', data: delta })
        break
      }
      case 'content_block_stop':
        writer.close(key)
        break
      case 'message_delta':
        usage = { ...usage, ...event['usage'] }
        anthropicUsage(writer, usage)
        writer.end(event['delta'].stop_reason, ANTHROPIC, event['delta'].stop_details)
        break
      case 'error':
        writer.error(event['error'].message)
    }
  }
  return writer.events
}

export function readAnthropic(recorded: RecordedCase): Reading {
  const reading = empty()
  const usage: Json = {}
  const args = new Map<number, string>()
  const tools: [string, number, unknown][] = []
  const block = (it: Json, at: number) => {
    reading.text += it['text'] ?? ''
    reading.reasoning += it['thinking'] ?? ''
    reading.signatures += it['signature'] ?? ''
    reading.encrypted += it['type'] === 'redacted_thinking' ? it['data'] : ''
    reading.citations += it['citations']?.length ?? 0
    if (it['type'] === 'tool_use') tools.push([it['name'], at, it['input']])
    else if (!['text', 'thinking', 'redacted_thinking'].includes(it['type'])) reading.others++
  }
  for (const event of eventsOf(recorded)) {
    for (const [i, it] of (event['content'] ?? []).entries()) block(it, i)
    if (event['content_block']) block(event['content_block'], event['index'])
    const delta = event['delta'] ?? {}
    reading.text += delta.text ?? ''
    reading.reasoning += delta.thinking ?? ''
    reading.signatures += delta.signature ?? ''
    if (delta.citation) reading.citations++
    if (delta.partial_json) args.set(event['index'], (args.get(event['index']) ?? '') + delta.partial_json)
    Object.assign(usage, event['message']?.usage, event['usage'])
    reading.stop = event['stop_reason'] ?? delta.stop_reason ?? reading.stop
    reading.error ||= event['type'] === 'error'
  }
  reading.tools = tools.map(([name, at, input]) => [name, args.has(at) ? JSON.parse(args.get(at)!) : input])
  const [input, read, write] = ['input_tokens', 'cache_read_input_tokens', 'cache_creation_input_tokens'].map(
    (key) => usage[key] ?? 0,
  )
  reading.tokens = [input + read + write, usage['output_tokens'], read]
  return reading
}
