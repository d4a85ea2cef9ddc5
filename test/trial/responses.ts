import type { ChatEvent, FinishReason } from '../../src/chat/index.ts'
import type { RecordedCase } from '../fixtures.ts'
import { empty, eventsOf, type Json, type Reading, Writer } from './writer.ts'

const RESPONSES: Readonly<Record<string, FinishReason>> = {
  max_output_tokens: 'length',
  content_filter: 'content_filter',
}

function responsesItem(writer: Writer, at: string, item: Json, whole: boolean): void {
  switch (item['type']) {
    case 'message':
      if (!whole) return
      for (const [i, part] of item['content'].entries()) {
        writer.block(`${at}/${i}`, { kind: part.type === 'refusal' ? 'refusal' : 'text' })
        writer.add(`${at}/${i}`, { kind: 'text', text: part.text ?? part.refusal })
        for (const annotation of part.annotations ?? []) writer.cite(annotation)
      }
      return
    case 'reasoning':
      writer.block(at, { kind: 'reasoning', format: 'openai-responses-v1', id: item['id'] })
      if (!whole) return
      for (const part of item['summary'])
        writer.add(at, { kind: 'reasoning', text: part.text, summary: true })
      for (const part of item['content'] ?? []) writer.add(at, { kind: 'reasoning', text: part.text })
      return
    case 'function_call':
      writer.block(at, { kind: 'tool', id: item['call_id'], name: item['name'] })
      if (whole) writer.add(at, { kind: 'args', json: item['arguments'] })
      return
    default:
      writer.block(at, { kind: 'server-tool', id: item['id'] ?? '', name: item['type'] })
  }
}

function responsesDone(writer: Writer, at: string, item: Json): void {
  if (item['type'] === 'reasoning' && item['encrypted_content'])
    writer.add(at, { kind: 'encrypted', data: item['encrypted_content'] })
  else if (!['message', 'reasoning', 'function_call'].includes(item['type']))
    writer.add(at, { kind: 'result', data: item })
  // LM Studio tells arguments only here.
  if (item['type'] === 'function_call' && !writer.has(at))
    writer.add(at, { kind: 'args', json: item['arguments'] })
  if (item['type'] !== 'message') writer.close(at)
}

function responsesEnd(writer: Writer, response: Json): void {
  const { usage, status, error, incomplete_details: incomplete } = response
  if (usage) {
    writer.usage(
      {
        promptTokens: usage.input_tokens,
        completionTokens: usage.output_tokens,
        cacheReadTokens: usage.input_tokens_details?.cached_tokens ?? 0,
        reasoningTokens: usage.output_tokens_details?.reasoning_tokens ?? 0,
      },
      usage,
    )
  }
  if (error) writer.error(error.message)
  else writer.end(incomplete?.reason ?? status, RESPONSES, incomplete)
}

export function responsesEvents(recorded: RecordedCase): ChatEvent[] {
  const writer = new Writer()
  for (const event of eventsOf(recorded)) {
    const at = String(event['output_index'])
    const part = `${at}/${event['content_index']}`
    switch (event['type']) {
      case undefined:
        for (const [i, item] of event['output'].entries()) {
          responsesItem(writer, String(i), item, true)
          responsesDone(writer, String(i), item)
        }
        responsesEnd(writer, event)
        break
      case 'response.created':
        writer.events.push({ type: 'start', id: event['response'].id, model: event['response'].model })
        break
      case 'response.output_item.added':
        responsesItem(writer, at, event['item'], false)
        break
      case 'response.output_text.delta':
      case 'response.refusal.delta':
        writer.block(part, { kind: event['type'].includes('refusal') ? 'refusal' : 'text' })
        writer.add(part, { kind: 'text', text: event['delta'] })
        break
      case 'response.output_text.annotation.added':
        writer.cite(event['annotation'])
        break
      case 'response.reasoning_summary_text.delta':
        writer.add(at, { kind: 'reasoning', text: event['delta'], summary: true })
        break
      case 'response.reasoning_text.delta':
        writer.add(at, { kind: 'reasoning', text: event['delta'] })
        break
      case 'response.function_call_arguments.delta':
        writer.add(at, { kind: 'args', json: event['delta'] })
        break
      case 'response.output_item.done':
        responsesDone(writer, at, event['item'])
        break
      case 'response.completed':
      case 'response.incomplete':
      case 'response.failed':
        responsesEnd(writer, event['response'])
    }
  }
  return writer.events
}

/** The last event of a stream repeats the whole response: the plain truth. */
export function readResponses(recorded: RecordedCase): Reading {
  const reading = empty()
  const events = eventsOf(recorded)
  const response: Json = events.at(-1)!['response'] ?? events.at(-1)
  const items: Json[] =
    response['output'].length > 0
      ? response['output']
      : events.filter((it) => it['type'] === 'response.output_item.done').map((it) => it['item'])
  for (const item of items) {
    const parts: Json[] = item['content'] ?? []
    if (item['type'] === 'message') {
      reading.text += parts.map((part) => part['text'] ?? part['refusal']).join('')
      reading.citations += parts.flatMap((part) => part['annotations'] ?? []).length
    } else if (item['type'] === 'reasoning') {
      reading.reasoning += [...item['summary'], ...parts].map((part) => part.text).join('')
    } else if (item['type'] === 'function_call')
      reading.tools.push([item['name'], JSON.parse(item['arguments'])])
    else reading.others++
  }
  // The repeated items are encrypted anew: what the stream's own items said counts.
  const own =
    recorded.response.kind === 'sse'
      ? events.flatMap((it) => (it['type'] === 'response.output_item.done' ? [it['item']] : []))
      : items
  reading.encrypted = own
    .map((item) => (item['type'] === 'reasoning' ? (item['encrypted_content'] ?? '') : ''))
    .join('')
  const { usage, status, error, incomplete_details: incomplete } = response
  reading.tokens = usage
    ? [usage.input_tokens, usage.output_tokens, usage.input_tokens_details?.cached_tokens ?? 0]
    : null
  reading.error = Boolean(error)
  reading.stop = error ? null : (incomplete?.reason ?? status)
  return reading
}
