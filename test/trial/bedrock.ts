import type { ChatEvent, FinishReason } from '../../src/chat/index.ts'
import { AwsEventStream } from '../../src/dialects/framing/aws-eventstream.ts'
import { type RecordedCase, responseBytes } from '../fixtures.ts'
import { empty, type Json, type Reading, Writer } from './writer.ts'

const BEDROCK: Readonly<Record<string, FinishReason>> = {
  max_tokens: 'length',
  tool_use: 'tool_calls',
  guardrail_intervened: 'content_filter',
}

/** `[event type, payload]` of a binary stream, or the reply alone. */
function bedrockPayloads(recorded: RecordedCase): [string, Json][] {
  if (recorded.response.kind === 'json') return [['reply', recorded.response.body as Json]]
  const payloads: [string, Json][] = []
  const framer = new AwsEventStream(1 << 20, (frame) => {
    if (frame.kind !== 'aws-eventstream') return
    payloads.push([
      frame.headers[':event-type'] ?? frame.headers[':exception-type']!,
      JSON.parse(Buffer.from(frame.payload).toString()),
    ])
  })
  framer.push(responseBytes(recorded))
  return payloads
}

function bedrockPart(writer: Writer, key: string, part: Json): void {
  if (part['text'] !== undefined) {
    writer.block(key, { kind: 'text' })
    writer.add(key, { kind: 'text', text: part['text'] })
  } else if (part['toolUse']) {
    const { toolUseId: id, name, input } = part['toolUse']
    if (name) writer.block(key, { kind: 'tool', id, name })
    if (input !== undefined)
      writer.add(key, { kind: 'args', json: typeof input === 'string' ? input : JSON.stringify(input) })
  } else if (part['reasoningContent']) {
    const { text, signature, redactedContent, reasoningText } = part['reasoningContent']
    writer.block(key, { kind: 'reasoning', format: 'anthropic-claude-v1' })
    const said = text ?? reasoningText?.text
    const sign = signature ?? reasoningText?.signature
    if (said) writer.add(key, { kind: 'reasoning', text: said })
    if (sign) writer.add(key, { kind: 'signature', signature: sign })
    if (redactedContent) writer.add(key, { kind: 'encrypted', data: redactedContent })
  } else if (part['citationsContent'] || part['citation']) {
    for (const piece of part['citationsContent']?.content ?? []) bedrockPart(writer, key, piece)
    for (const citation of part['citationsContent']?.citations ?? [part['citation']]) writer.cite(citation)
  } else {
    writer.block(key, { kind: 'opaque', dialect: 'bedrock-converse', data: part })
    writer.add(key, { kind: 'opaque', data: part })
  }
}

export function bedrockEvents(recorded: RecordedCase): ChatEvent[] {
  const writer = new Writer()
  const usage = ({
    inputTokens = 0,
    outputTokens = 0,
    cacheReadInputTokens: read = 0,
    cacheWriteInputTokens: write = 0,
    ...raw
  }: Json) =>
    writer.usage(
      {
        promptTokens: inputTokens + read + write,
        completionTokens: outputTokens,
        cacheReadTokens: read,
        cacheWriteTokens: write,
      },
      raw,
    )
  for (const [type, payload] of bedrockPayloads(recorded)) {
    const key = String(payload['contentBlockIndex'])
    if (type === 'reply') {
      for (const [i, part] of payload['output'].message.content.entries())
        bedrockPart(writer, String(i), part)
      usage(payload['usage'])
      writer.end(payload['stopReason'], BEDROCK, payload['trace'])
    } else if (type === 'contentBlockStart') bedrockPart(writer, key, payload['start'])
    else if (type === 'contentBlockDelta') bedrockPart(writer, key, payload['delta'])
    else if (type === 'contentBlockStop') writer.close(key)
    else if (type === 'messageStop')
      writer.end(payload['stopReason'], BEDROCK, payload['additionalModelResponseFields'])
    else if (type === 'metadata') usage(payload['usage'])
    else if (/Exception$/.test(type)) writer.error(payload['message'])
  }
  return writer.events
}

export function readBedrock(recorded: RecordedCase): Reading {
  const reading = empty()
  const args: string[] = []
  for (const [type, payload] of bedrockPayloads(recorded)) {
    for (const part of payload['output']?.message.content ?? [payload['delta'] ?? payload['start'] ?? {}]) {
      const reason = part.reasoningContent ?? {}
      reading.text +=
        part.text ?? (part.citationsContent?.content ?? []).map((piece: Json) => piece['text']).join('')
      reading.reasoning += reason.text ?? reason.reasoningText?.text ?? ''
      reading.signatures += reason.signature ?? reason.reasoningText?.signature ?? ''
      reading.encrypted += reason.redactedContent ?? ''
      reading.citations += part.citation ? 1 : (part.citationsContent?.citations.length ?? 0)
      if (part.toolResult && type !== 'contentBlockDelta') reading.others++
      if (!part.toolUse) continue
      if (part.toolUse.name) reading.tools.push([part.toolUse.name, part.toolUse.input ?? {}])
      else args[reading.tools.length - 1] = (args[reading.tools.length - 1] ?? '') + part.toolUse.input
    }
    reading.stop = payload['stopReason'] ?? reading.stop
    const { usage } = payload
    const cached = usage?.cacheReadInputTokens ?? 0
    if (usage)
      reading.tokens = [
        usage.inputTokens + cached + (usage.cacheWriteInputTokens ?? 0),
        usage.outputTokens,
        cached,
      ]
    reading.error ||= /Exception$/.test(type)
  }
  for (const [i, json] of args.entries()) if (json) reading.tools[i]![1] = JSON.parse(json)
  return reading
}
