import {
  eventsOf,
  readResponse,
  readGatewayStream as readResponseStream,
} from '../../src/dialects/openai-responses/reader.fixture.ts'
import { readGatewayReply, readGatewayStream, sseData } from '../chat-client.ts'
import { readGeminiReply, readGeminiStream } from '../gemini-client.ts'
import { readMessageStream, readWholeMessage, textOf, thinkingOf, toolsOf } from '../messages-client.ts'
import {
  type Answer,
  argsOf,
  type Choice,
  cited,
  emptyChoice,
  type Failure,
  type Finish,
  type Json,
} from './answer.ts'

/** What is asked for; every surface says it in its own words. */
export interface Question {
  readonly model: string
  readonly stream: boolean
  readonly tools: readonly string[]
  /** Candidates. */
  readonly choices: number
  /** What an answer said before, as its client keeps it; the question then goes on from there. */
  readonly turn?: readonly Json[]
}

/** One format that clients speak: how they ask, and what they make of the answer. */
export interface ClientSurface {
  readonly name: string
  /** Id of the dialect. */
  readonly dialect: string
  readonly header: string
  path(question: Question): string
  body(question: Question): Json
  /** Members of a body that say who answers and how. */
  addressed(question: Question): Json
  /**
   * Reads an answer of status 200; throws where it breaks the format. `own`: the provider speaks the format too, so that
   * its events pass as they are.
   */
  read(body: string, stream: boolean, own: boolean): Answer
  failure(body: Json): Omit<Failure, 'retryAfter' | 'status'> & { readonly status: number }
  /** The answer as its client sends it back, results of its tools included. */
  turn(body: string, stream: boolean): Json[]
}

const PROMPT = 'How is the weather?'
const RESULT = 'sunny'
const SCHEMA = { type: 'object', properties: {}, additionalProperties: true }

const addressed = ({ model, stream }: Question): Json => ({ model, stream })

const chat: ClientSurface = {
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

const messages: ClientSurface = {
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

/** Status that an `error_type` stands for where the envelope has no number. */
const STATUS_OF: Readonly<Record<string, number>> = {
  invalid_request: 400,
  context_length_exceeded: 400,
  content_policy_violation: 400,
  payload_too_large: 413,
  rate_limit_exceeded: 429,
  provider_unavailable: 502,
  provider_overloaded: 503,
}

const responses: ClientSurface = {
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

const GEMINI_FINISH: Readonly<Record<string, Finish>> = {
  STOP: 'stop',
  MAX_TOKENS: 'length',
  SAFETY: 'content_filter',
  PROHIBITED_CONTENT: 'content_filter',
}

const gemini: ClientSurface = {
  name: 'generateContent',
  dialect: 'gemini',
  header: 'x-goog-api-key',
  path: ({ model, stream }) =>
    `/api/v1beta/models/${model}:${stream ? 'streamGenerateContent?alt=sse' : 'generateContent'}`,
  addressed: () => ({}),
  body: ({ tools, choices, turn = [] }) => ({
    contents: [{ role: 'user', parts: [{ text: PROMPT }] }, ...turn],
    generationConfig: {
      thinkingConfig: { includeThoughts: true },
      ...(choices > 1 && { candidateCount: choices }),
    },
    ...(tools.length > 0 && {
      tools: [{ functionDeclarations: tools.map((name) => ({ name, parametersJsonSchema: SCHEMA })) }],
    }),
  }),
  read(body, stream) {
    const read = stream ? readGeminiStream(body) : readGeminiReply(JSON.parse(body))
    const { usage } = read
    return {
      choices: read.choices.map((it): Choice => {
        const finish = GEMINI_FINISH[it.finish ?? ''] ?? null
        return {
          ...emptyChoice(),
          text: it.text,
          reasoning: it.thoughts,
          tools: wholeCalls(it.calls),
          citations: cited(
            (it.grounding?.['groundingChunks'] ?? []).map(
              (chunk: Json) =>
                chunk['web']?.uri ||
                chunk['web']?.title ||
                chunk['retrievedContext']?.uri ||
                chunk['retrievedContext']?.text,
            ),
          ),
          finish: finish === 'stop' && it.calls.length > 0 ? 'tool_calls' : finish,
        }
      }),
      usage: usage && {
        prompt: usage['promptTokenCount'] + (usage['toolUsePromptTokenCount'] ?? 0),
        completion:
          usage['totalTokenCount'] - usage['promptTokenCount'] - (usage['toolUsePromptTokenCount'] ?? 0),
        cacheRead: usage['cachedContentTokenCount'] ?? 0,
        // A member of ours, like the cost: Google has no word for it.
        cacheWrite: usage['cacheWriteTokenCount'] ?? 0,
        reasoning: usage['thoughtsTokenCount'] ?? 0,
      },
      error: read.error && { ...gemini.failure({ error: read.error }), retryAfter: null },
    }
  },
  failure: ({ error }) => ({ status: error.code, type: error.details[0].metadata.error_type }),
  turn(body, stream) {
    const { choices } = stream ? readGeminiStream(body) : readGeminiReply(JSON.parse(body))
    const { parts, calls } = choices[0]!
    const results = calls.map(({ id, name }) => ({
      functionResponse: { id, name, response: { result: RESULT } },
    }))
    return [
      { role: 'model', parts },
      { role: 'user', parts: results.length > 0 ? results : [{ text: PROMPT }] },
    ]
  },
}

/** Calls whose arguments Google streams piece by piece, put together as its documentation says. */
function wholeCalls(pieces: readonly Json[]): Choice['tools'] {
  const calls: { name: string; args: Json }[] = []
  for (const { name, args, partialArgs = [] } of pieces) {
    if (name !== undefined) calls.push({ name, args: { ...args } })
    const into = calls.at(-1)!.args
    for (const { jsonPath, stringValue, ...values } of partialArgs as Json[]) {
      const key = String(jsonPath).replace('$.', '')
      into[key] = stringValue === undefined ? Object.values(values)[0] : (into[key] ?? '') + stringValue
    }
  }
  return calls
}

const completions: ClientSurface = {
  name: 'Completions',
  dialect: 'openai-completions',
  header: 'authorization',
  path: () => '/api/v1/completions',
  addressed,
  body: ({ model, stream, choices }) => ({
    model,
    stream,
    prompt: PROMPT,
    ...(choices > 1 && { n: choices }),
  }),
  read(body, stream) {
    // Text stands where chat has a delta or a message; nothing else differs.
    const asChat = (it: Json): Json => ({
      ...it,
      object: stream ? 'chat.completion.chunk' : 'chat.completion',
      choices: it['choices'].map(({ text, reasoning, annotations, ...rest }: Json) => ({
        ...rest,
        [stream ? 'delta' : 'message']: { content: text, reasoning, annotations },
      })),
    })
    if (!stream) return chat.read(JSON.stringify(asChat(JSON.parse(body))), false, false)
    const frames = sseData(body).map(
      (data) => `data: ${data === '[DONE]' ? data : JSON.stringify(asChat(JSON.parse(data)))}\n\n`,
    )
    return chat.read(frames.join(''), true, false)
  },
  failure: (body) => chat.failure(body),
  turn: () => [],
}

/** Every format of answers in words. */
export const SURFACES: readonly ClientSurface[] = [chat, messages, responses, gemini, completions]
