import { readMessageStream, readWholeMessage, textOf, thinkingOf, toolsOf } from '../../messages-client.ts'
import { cited, type Finish } from '../answer.ts'
import { addressed, type ClientSurface, PROMPT, RESULT, SCHEMA, STATUS_OF } from './surface.ts'

const MESSAGES_FINISH: Readonly<Record<string, Finish>> = {
  end_turn: 'stop',
  stop_sequence: 'stop',
  // The turn is not over: clients of other formats learn it as a length.
  pause_turn: 'length',
  tool_use: 'tool_calls',
  max_tokens: 'length',
  model_context_window_exceeded: 'length',
  refusal: 'content_filter',
}

export const messages: ClientSurface = {
  name: 'Messages',
  dialect: 'anthropic-messages',
  header: 'x-api-key',
  path: () => '/api/v1/messages',
  addressed,
  body: ({ model, stream, tools, turn = [] }) => ({
    model,
    stream,
    max_tokens: 4096,
    messages: [{ role: 'user', content: PROMPT }, ...turn],
    ...(tools.length > 0 && { tools: tools.map((name) => ({ name, input_schema: SCHEMA })) }),
  }),
  read(body, stream) {
    const read = stream ? readMessageStream(body) : readWholeMessage(JSON.parse(body))
    const usage = read.usage ?? {}
    const cached = usage['cache_read_input_tokens'] + usage['cache_creation_input_tokens']
    return {
      choices: [
        {
          text: textOf(read),
          reasoning: thinkingOf(read),
          tools: toolsOf(read).map(([, name, args]) => ({ name, args })),
          proofs: [],
          citations: cited(
            read.blocks
              .flatMap((block) => block['citations'] ?? [])
              .map((it) => it['url'] || it['document_title'] || it['title'] || it['cited_text']),
          ),
          finish: MESSAGES_FINISH[read.stop ?? ''] ?? null,
        },
      ],
      usage: read.usage && {
        prompt: usage['input_tokens'] + cached,
        completion: usage['output_tokens'],
        cacheRead: usage['cache_read_input_tokens'],
        cacheWrite: usage['cache_creation_input_tokens'],
        reasoning: usage['output_tokens_details']?.thinking_tokens ?? 0,
      },
      error: read.error && { ...messages.failure(read.error), retryAfter: null },
    }
  },
  // The envelope has no number; its type stands for one.
  failure: ({ error }) => ({ status: STATUS_OF[error.error_type]!, type: error.error_type }),
  turn(body, stream) {
    const read = stream ? readMessageStream(body) : readWholeMessage(JSON.parse(body))
    const results = toolsOf(read).map(([id]) => ({ type: 'tool_result', tool_use_id: id, content: RESULT }))
    const content = results.length > 0 ? results : PROMPT
    return [
      { role: 'assistant', content: read.blocks },
      { role: 'user', content },
    ]
  },
}
