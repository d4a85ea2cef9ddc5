import { eventsOf, readResponse } from '../../../src/dialects/openai-responses/reader.fixture.ts'
import { type RecordedCase, responseBytes } from '../../fixtures.ts'
import { type Answer, argsOf, cited, type Json } from '../answer.ts'
import { failureInside } from './errors.ts'

export function toldInResponses(recorded: RecordedCase): Answer {
  const body = responseBytes(recorded).toString()
  const events = isStream(recorded) ? eventsOf(body) : []
  const done = events.filter(({ type }) => type === 'response.output_item.done').map(({ item }) => item)
  const last: Json = isStream(recorded) ? events.at(-1)!['response'] : JSON.parse(body)
  const output: Json[] = done.length > 0 ? done : last['output']
  const read = readResponse({ ...last, output })
  const notes: Json[] = output
    .flatMap((item) => item['content'] ?? [])
    .flatMap((part: Json) => part['annotations'] ?? [])
  const reason =
    read.reason === 'max_output_tokens' ? 'length' : read.reason === null ? null : 'content_filter'
  const { usage } = read
  return {
    choices: [
      {
        text: read.text + read.refusal,
        reasoning: read.reasoning,
        tools: read.tools.map(({ name, args }) => ({ name, args: argsOf(args) })),
        proofs: read.encrypted,
        citations: cited(notes.map((note) => note['url'] ?? note['filename'])),
        finish: reason ?? (read.tools.length > 0 ? 'tool_calls' : 'stop'),
      },
    ],
    usage: usage && {
      prompt: usage['input_tokens'],
      completion: usage['output_tokens'],
      cacheRead: usage['input_tokens_details']?.cached_tokens ?? 0,
      cacheWrite: usage['input_tokens_details']?.cache_write_tokens ?? 0,
      reasoning: usage['output_tokens_details']?.reasoning_tokens ?? 0,
    },
    error: read.error === null ? null : failureInside(read.error),
  }
}

const isStream = ({ response }: RecordedCase): boolean => response.kind !== 'json'
