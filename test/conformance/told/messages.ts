import { type RecordedCase, responseBytes } from '../../fixtures.ts'
import { readMessageStream, readWholeMessage, textOf, thinkingOf, toolsOf } from '../../messages-client.ts'
import { type Answer, cited, type Finish } from '../answer.ts'
import { failureInside } from './errors.ts'

const MESSAGES_FINISH: Readonly<Record<string, Finish>> = {
  end_turn: 'stop',
  stop_sequence: 'stop',
  // The turn is not over: clients of other formats learn it as a length.
  pause_turn: 'length',
  max_tokens: 'length',
  tool_use: 'tool_calls',
  refusal: 'content_filter',
}

export function toldInMessages(recorded: RecordedCase): Answer {
  const body = responseBytes(recorded).toString()
  const read = isStream(recorded) ? readMessageStream(body, true) : readWholeMessage(JSON.parse(body))
  const usage = read.usage ?? {}
  const of = (name: string): number => usage[name] ?? 0
  const broken = read.error === null && read.stop === null
  return {
    choices: [
      {
        text: textOf(read),
        reasoning: thinkingOf(read),
        tools: toolsOf(read).map(([, name, args]) => ({ name, args })),
        proofs: read.blocks.flatMap(
          (block) => block['signature'] || (block['type'] === 'redacted_thinking' ? block['data'] : []),
        ),
        citations: cited(
          read.blocks
            .flatMap((block) => block['citations'] ?? [])
            .map((it) => it['url'] ?? it['document_title'] ?? it['cited_text']),
        ),
        finish: read.stop === null ? null : MESSAGES_FINISH[read.stop]!,
      },
    ],
    usage: {
      prompt: of('input_tokens') + of('cache_read_input_tokens') + of('cache_creation_input_tokens'),
      completion: of('output_tokens'),
      cacheRead: of('cache_read_input_tokens'),
      cacheWrite: of('cache_creation_input_tokens'),
      reasoning: usage['output_tokens_details']?.thinking_tokens ?? 0,
    },
    error: read.error !== null ? failureInside(read.error['error']) : broken ? failureInside({}) : null,
  }
}

const isStream = ({ response }: RecordedCase): boolean => response.kind !== 'json'
