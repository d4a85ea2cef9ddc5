import { readGatewayReply, readGatewayStream, sseData } from '../../chat-client.ts'
import { argsOf, cited, type Finish, type Json } from '../answer.ts'
import { addressed, type ClientSurface, PROMPT, RESULT, SCHEMA } from './surface.ts'

export const chat: ClientSurface = {
  name: 'Chat Completions',
  dialect: 'openai-chat',
  header: 'authorization',
  path: () => '/api/v1/chat/completions',
  addressed,
  body: ({ model, stream, tools, choices, turn = [] }) => ({
    model,
    stream,
    messages: [{ role: 'user', content: PROMPT }, ...turn],
    ...(choices > 1 && { n: choices }),
    ...(tools.length > 0 && {
      tools: tools.map((name) => ({ type: 'function', function: { name, parameters: SCHEMA } })),
    }),
  }),
  read(body, stream) {
    const read = stream ? readGatewayStream(body) : readGatewayReply(JSON.parse(body))
    const messages = messagesOf(body, stream)
    return {
      choices: read.choices.map((it, i) => ({
        text: it.text + it.refusal + transcriptOf(messages[i] ?? []),
        reasoning: it.reasoning,
        tools: [...it.tools, ...legacyCalls(messages[i] ?? [])].map(({ name, args }) => ({
          name,
          args: argsOf(args),
        })),
        proofs: [],
        citations: cited(
          (messages[i] ?? [])
            .flatMap((it) => it['annotations'] ?? [])
            .map(({ url_citation: it }) => it.url || it.title || it.content),
        ),
        finish: it.finish === 'error' ? null : (it.finish as Finish | null),
      })),
      usage: read.usage && {
        prompt: read.usage['prompt_tokens'],
        completion: read.usage['completion_tokens'],
        cacheRead: read.usage['prompt_tokens_details'].cached_tokens,
        cacheWrite: read.usage['prompt_tokens_details'].cache_write_tokens ?? 0,
        reasoning: read.usage['completion_tokens_details'].reasoning_tokens,
      },
      error: read.error && { ...chat.failure({ error: read.error }), retryAfter: null },
    }
  },
  failure: ({ error }) => ({ status: error.code, type: error.metadata.error_type }),
  turn(body, stream) {
    const { choices } = stream ? readGatewayStream(body) : readGatewayReply(JSON.parse(body))
    const { text, tools } = choices[0]!
    const calls = tools.map(({ id, name, args }) => ({
      id,
      type: 'function',
      function: { name, arguments: args },
    }))
    const reasoning_details = detailsOf(messagesOf(body, stream)[0] ?? [])
    return [
      { role: 'assistant', content: text, reasoning_details, ...(calls.length > 0 && { tool_calls: calls }) },
      ...tools.map(({ id }) => ({ role: 'tool', tool_call_id: id, content: RESULT })),
      ...(tools.length === 0 ? [{ role: 'user', content: PROMPT }] : []),
    ]
  },
}

/** Messages, or deltas of them, by candidate. */
function messagesOf(body: string, stream: boolean): Json[][] {
  const bodies = stream ? sseData(body).filter((data) => data !== '[DONE]') : [body]
  const all: Json[] = bodies.flatMap((it) => JSON.parse(it).choices ?? [])
  const messages: Json[][] = []
  for (const choice of all) {
    messages[choice['index']] ??= []
    messages[choice['index']]!.push(choice['delta'] ?? choice['message'] ?? {})
  }
  return messages
}

const transcriptOf = (deltas: readonly Json[]): string =>
  deltas.map((it) => it['audio']?.transcript ?? '').join('')

const legacyCalls = (deltas: readonly Json[]): { name: string; args: string }[] =>
  deltas.flatMap(({ function_call: call }) => (call?.name ? [{ name: call.name, args: call.arguments }] : []))

/** Details of a stream come in pieces, joined by number as OpenRouter's clients do. */
function detailsOf(deltas: readonly Json[]): Json[] {
  const details: Json[] = []
  for (const piece of deltas.flatMap((it) => it['reasoning_details'] ?? []) as Json[]) {
    const open = details.find(
      (it) => it['index'] !== undefined && it['index'] === piece['index'] && it['type'] === piece['type'],
    )
    if (open === undefined) details.push({ ...piece })
    else
      for (const key of ['text', 'summary', 'data', 'signature'])
        if (typeof piece[key] === 'string') open[key] = (open[key] ?? '') + piece[key]
  }
  return details
}
