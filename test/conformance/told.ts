import { eventsOf, readResponse } from '../../src/dialects/openai-responses/reader.fixture.ts'
import { readProvider, sseData } from '../chat-client.ts'
import { type RecordedCase, responseBytes } from '../fixtures.ts'
import { readMessageStream, readWholeMessage, textOf, thinkingOf, toolsOf } from '../messages-client.ts'
import { readBedrock } from '../trial/bedrock.ts'
import { readGemini } from '../trial/gemini.ts'
import { eventsOf as jsonEvents } from '../trial/writer.ts'
import {
  type Answer,
  argsOf,
  type Choice,
  cited,
  emptyChoice,
  type Finish,
  type Json,
  type Tokens,
} from './answer.ts'
import { failureInside, failureOf } from './told-errors.ts'

/** Formats of recordings that are read here. */
export type Format =
  | 'openai-chat'
  | 'openai-responses'
  | 'anthropic-messages'
  | 'gemini'
  | 'bedrock-converse'
  | 'bedrock-invoke'
  | 'cohere'

/** A plain reading of what a provider said, without the gateway's code: the truth that every client has to see. */
export function told(format: Format, recorded: RecordedCase): Answer {
  if (recorded.response.status >= 400) return { choices: [], usage: null, error: failureOf(recorded) }
  const answer = READERS[format](recorded)
  // Clients are charged nothing for, and promised nothing of, an answer that broke off.
  return answer.error === null ? answer : { ...answer, usage: null }
}

const READERS: Readonly<Record<Format, (recorded: RecordedCase) => Answer>> = {
  'openai-chat': toldInChat,
  'openai-responses': toldInResponses,
  'anthropic-messages': toldInMessages,
  gemini: toldInGemini,
  'bedrock-converse': toldInConverse,
  // Recorded whole only, where it is Anthropic's own body.
  'bedrock-invoke': toldInMessages,
  cohere: toldInCohere,
}

const isStream = ({ response }: RecordedCase): boolean => response.kind !== 'json'

const CHAT_FINISH: Readonly<Record<string, Finish>> = {
  stop: 'stop',
  eos: 'stop',
  length: 'length',
  tool_calls: 'tool_calls',
  function_call: 'tool_calls',
  tool_use: 'tool_calls',
  content_filter: 'content_filter',
}

function toldInChat(recorded: RecordedCase): Answer {
  const read = readProvider(isStream(recorded) ? 'sse' : 'json', responseBytes(recorded).toString())
  const choices = read.choices.map((it, i): Choice => {
    const deltas: Json[] = read.chunks.flatMap((chunk) =>
      (chunk['choices'] ?? [])
        .filter((choice: Json, at: number) => (choice['index'] ?? at) === i)
        .map((choice: Json) => choice['message'] ?? choice['delta']),
    )
    const legacy = deltas.map((it) => it['function_call']).find((call) => call?.name)
    const tools = it.tools.filter(({ name }) => name).map(({ name, args }) => ({ name, args: argsOf(args) }))
    return {
      text: it.text + it.refusal + deltas.map((delta) => delta['audio']?.transcript ?? '').join(''),
      reasoning: it.reasoning,
      tools: legacy ? [...tools, { name: legacy.name, args: argsOf(legacy.arguments) }] : tools,
      proofs: chatProofs(deltas.flatMap((delta) => delta['reasoning_details'] ?? [])),
      citations: cited([
        ...deltas.flatMap((delta) => delta['annotations'] ?? []).map((note) => note.url_citation?.url),
        ...read.chunks.flatMap((chunk) => chunk['citations'] ?? []).map((it) => it?.url ?? it),
      ]),
      // Snowflake leaves the reason of a whole reply blank: what it holds tells it.
      finish: it.finish === null ? (tools.length > 0 ? 'tool_calls' : 'stop') : CHAT_FINISH[it.finish]!,
    }
  })
  return {
    choices,
    usage: read.usage === null ? null : chatTokens(read.usage),
    error: read.error === null ? null : failureInside(read.error),
  }
}

/** Pieces of one detail come with its number. */
function chatProofs(details: readonly Json[]): string[] {
  const proofs = new Map<string, string>()
  for (const [i, detail] of details.entries()) {
    const proof = detail['signature'] ?? detail['data']
    const key = `${detail['index'] ?? i}/${detail['type']}`
    if (proof) proofs.set(key, (proofs.get(key) ?? '') + proof)
  }
  return [...proofs.values()]
}

/** Counts of an OpenAI-compatible `usage`, in the spellings that the recordings hold. */
function chatTokens(usage: Json): Tokens {
  const { prompt_tokens: prompt, completion_tokens: completion, total_tokens: total } = usage
  const reasoning = usage['completion_tokens_details']?.reasoning_tokens ?? usage['reasoning_tokens'] ?? 0
  // xAI and Vercel's Google count reasoning beside the completion: it is output all the same.
  const beside = reasoning > completion || (reasoning > 0 && total === prompt + completion + reasoning)
  const read =
    usage['prompt_tokens_details']?.cached_tokens ??
    usage['cached_tokens'] ??
    usage['prompt_cache_hit_tokens'] ??
    usage['cache_read_input_tokens'] ??
    usage['num_cached_tokens'] ??
    0
  return {
    prompt,
    completion: beside ? completion + reasoning : completion,
    // More cached than prompted is a slip of Azure's Grok.
    cacheRead: Math.min(read, prompt),
    cacheWrite:
      usage['prompt_tokens_details']?.cache_write_tokens ?? usage['cache_creation_input_tokens'] ?? 0,
    reasoning,
  }
}

function toldInResponses(recorded: RecordedCase): Answer {
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

const MESSAGES_FINISH: Readonly<Record<string, Finish>> = {
  end_turn: 'stop',
  stop_sequence: 'stop',
  // The turn is not over: clients of other formats learn it as a length.
  pause_turn: 'length',
  max_tokens: 'length',
  tool_use: 'tool_calls',
  refusal: 'content_filter',
}

function toldInMessages(recorded: RecordedCase): Answer {
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

/** Arguments that came in fragments, put together by hand. */
const FRAGMENTS =
  'gemini/parallel-tools-stream-google-stream-tool-call-arguments-chunks-gemini-3.1-pro-preview'

function toldInGemini(recorded: RecordedCase): Answer {
  const read = readGemini(recorded)
  const chunks = jsonEvents(recorded)
  const blocked = chunks.find((chunk) => chunk['promptFeedback']?.blockReason)
  const candidates: Json[] = chunks.flatMap((chunk) => chunk['candidates'] ?? [])
  const parts: Json[] = candidates.flatMap((it) => it['content']?.parts ?? [])
  const sources: Json[] = candidates.flatMap((it) => it['groundingMetadata']?.groundingChunks ?? [])
  const usage = chunks.findLast((chunk) => chunk['usageMetadata'])?.['usageMetadata']
  const tools = read.tools.map(([name, args]) => ({ name, args }))
  if (recorded.id === FRAGMENTS) {
    tools.splice(
      0,
      tools.length,
      ...['Boston', 'San Francisco'].map((location) => ({ name: 'getWeather', args: { location } })),
    )
  }
  const stop = read.stop
  const finish: Finish | null =
    stop === 'STOP'
      ? tools.length > 0
        ? 'tool_calls'
        : 'stop'
      : stop === 'MAX_TOKENS'
        ? 'length'
        : 'content_filter'
  const failed = blocked ? { code: 400, type: 'content_filter' } : stop === 'UNEXPECTED_TOOL_CALL' ? {} : null
  return {
    choices: [
      {
        text: read.text,
        reasoning: read.reasoning,
        tools,
        proofs: parts.flatMap((part) => part['thoughtSignature'] ?? []),
        citations: cited(sources.map((it) => it['web']?.uri ?? it['retrievedContext']?.uri)),
        finish: failed === null ? finish : null,
      },
    ],
    usage: read.tokens && {
      prompt: read.tokens[0],
      completion: read.tokens[1],
      cacheRead: read.tokens[2],
      cacheWrite: 0,
      reasoning: usage?.thoughtsTokenCount ?? 0,
    },
    error: failed === null ? null : failureInside(failed),
  }
}

const CONVERSE_FINISH: Readonly<Record<string, Finish>> = {
  end_turn: 'stop',
  stop_sequence: 'stop',
  max_tokens: 'length',
  tool_use: 'tool_calls',
  guardrail_intervened: 'content_filter',
  content_filtered: 'content_filter',
}

function toldInConverse(recorded: RecordedCase): Answer {
  const read = readBedrock(recorded)
  const raw = responseBytes(recorded).toString('latin1')
  const exception = /(\w+)Exception/.exec(raw)?.[1]
  // Tools of Nova's own come with their results.
  const own = read.others === 0 ? read.tools : read.tools.filter(([name]) => !name.startsWith('nova_'))
  return {
    choices: [
      {
        text: read.text,
        reasoning: read.reasoning,
        tools: own.map(([name, args]) => ({ name, args: typeof args === 'string' ? argsOf(args) : args })),
        proofs: [read.signatures, read.encrypted].filter((it) => it !== ''),
        citations: cited(
          [...raw.matchAll(/"web":\{[^}]*"url":"([^"]+)"|"sourceContent":\[[^\]]*\],"title":"([^"]+)"/g)].map(
            ([, url, title]) => url ?? title,
          ),
        ),
        finish: read.stop === null ? null : CONVERSE_FINISH[read.stop]!,
      },
    ],
    usage: read.tokens && {
      prompt: read.tokens[0],
      completion: read.tokens[1],
      cacheRead: read.tokens[2],
      cacheWrite: Number(/"cacheWriteInputTokens":(\d+)/.exec(raw)?.[1] ?? 0),
      reasoning: 0,
    },
    error: read.error ? failureInside({ code: exception === 'throttling' ? 429 : 502 }) : null,
  }
}

function toldInCohere(recorded: RecordedCase): Answer {
  const choice = emptyChoice()
  const sources: Json[] = []
  const args: string[] = []
  let usage: Json = {}
  const content = ({ text, thinking }: Json) => {
    choice.text += text ?? ''
    choice.reasoning += thinking ?? ''
  }
  const call = ({ function: { name, arguments: text } }: Json) => {
    choice.tools.push({ name, args: {} })
    args.push(text)
  }
  const end = (reason: string, counts: Json) => {
    choice.finish = reason === 'TOOL_CALL' ? 'tool_calls' : reason === 'MAX_TOKENS' ? 'length' : 'stop'
    usage = counts
  }
  if (recorded.response.kind === 'json') {
    const { message, finish_reason: reason, usage: counts } = recorded.response.body as Json
    choice.reasoning += message.tool_plan ?? ''
    for (const block of message.content ?? []) content(block)
    for (const each of message.tool_calls ?? []) call(each)
    sources.push(...(message.citations ?? []))
    end(reason, counts)
  }
  for (const data of recorded.response.kind === 'sse' ? sseData(recorded.response.text!) : []) {
    if (data === '[DONE]') continue
    const { type, delta } = JSON.parse(data) as Json
    const message = delta?.message
    if (type === 'tool-plan-delta') choice.reasoning += message.tool_plan
    if (type === 'content-start' || type === 'content-delta') content(message.content)
    if (type === 'tool-call-start') call(message.tool_calls)
    if (type === 'tool-call-delta') args[args.length - 1] += message.tool_calls.function.arguments
    if (type === 'citation-start') sources.push(message.citations)
    if (type === 'message-end') end(delta.finish_reason, delta.usage)
  }
  for (const [i, text] of args.entries()) choice.tools[i]!.args = argsOf(text)
  choice.citations = cited(
    sources
      .flatMap((it) => it['sources'])
      .map(
        ({ id, document, tool_output: output }) =>
          (document ?? output)?.url ?? (document ?? output)?.title ?? id,
      ),
  )
  // What Cohere bills, which is less than what the model read.
  const { input_tokens: prompt, output_tokens: completion } = usage['billed_units']
  return {
    choices: [choice],
    usage: {
      prompt,
      completion,
      cacheRead: Math.min(usage['cached_tokens'] ?? 0, prompt),
      cacheWrite: 0,
      reasoning: usage['tokens'].reasoning_tokens ?? 0,
    },
    error: null,
  }
}
