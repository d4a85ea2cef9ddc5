import {
  eventsOf,
  readResponse,
  readGatewayStream as readResponseStream,
} from '../../../src/dialects/openai-responses/reader.fixture.ts'
import { argsOf, cited, type Json } from '../answer.ts'
import { addressed, type ClientSurface, PROMPT, RESULT, SCHEMA, STATUS_OF } from './surface.ts'

export const responses: ClientSurface = {
  name: 'Responses',
  dialect: 'openai-responses',
  header: 'authorization',
  path: () => '/api/v1/responses',
  addressed,
  body: ({ model, stream, tools, turn = [] }) => ({
    model,
    stream,
    include: ['reasoning.encrypted_content'],
    input: [{ role: 'user', content: PROMPT }, ...turn],
    ...(tools.length > 0 && { tools: tools.map((name) => ({ type: 'function', name, parameters: SCHEMA })) }),
  }),
  read(body, stream, own) {
    const last = own && stream ? ownResponse(body) : lastResponse(body, stream)
    const read = stream && !own ? readResponseStream(body) : readResponse(last)
    const notes: Json[] = (last['output'] ?? [])
      .flatMap((item: Json) => item['content'] ?? [])
      .flatMap((part: Json) => part['annotations'] ?? [])
    const { usage, error } = read
    const full = read.reason === 'max_output_tokens' ? 'length' : 'content_filter'
    return {
      choices: [
        {
          text: read.text + read.refusal,
          reasoning: read.reasoning,
          tools: read.tools.map(({ name, args }) => ({ name, args: argsOf(args) })),
          proofs: [],
          citations: cited(notes.map((note) => note['url'] || note['filename'] || note['title'])),
          finish:
            read.status === 'incomplete'
              ? full
              : read.status === 'completed'
                ? read.tools.length > 0
                  ? 'tool_calls'
                  : 'stop'
                : null,
        },
      ],
      usage: usage && {
        prompt: usage['input_tokens'],
        completion: usage['output_tokens'],
        cacheRead: usage['input_tokens_details'].cached_tokens,
        cacheWrite: usage['input_tokens_details'].cache_write_tokens ?? 0,
        reasoning: usage['output_tokens_details'].reasoning_tokens,
      },
      error: error && { ...responses.failure({ ...last, error }), retryAfter: null },
    }
  },
  failure: ({ error, error_type }) => ({
    status:
      typeof error.code === 'number' ? error.code : STATUS_OF[error_type ?? error.metadata?.error_type]!,
    type: error_type ?? error.metadata?.error_type,
  }),
  turn(body, stream) {
    const output: Json[] = (stream ? ownResponse(body) : lastResponse(body, false))['output']
    const results = output
      .filter((item) => item['type'] === 'function_call')
      .map(({ call_id }) => ({ type: 'function_call_output', call_id, output: RESULT }))
    return [...output, ...(results.length > 0 ? results : [{ role: 'user', content: PROMPT }])]
  },
}

const lastResponse = (body: string, stream: boolean): Json =>
  stream ? (eventsOf(body).findLast((event) => event['response'])!['response'] as Json) : JSON.parse(body)

/** Items as they came: the last event of a provider repeats them, sealed anew. */
function ownResponse(body: string): Json {
  const done = eventsOf(body).filter(({ type }) => type === 'response.output_item.done')
  const last = lastResponse(body, true)
  return done.length === 0 ? last : { ...last, output: done.map(({ item }) => item) }
}
