import { readProvider } from '../../chat-client.ts'
import { type RecordedCase, responseBytes } from '../../fixtures.ts'
import { type Answer, argsOf, type Choice, cited, type Finish, type Json, type Tokens } from '../answer.ts'
import { failureInside } from './errors.ts'

const CHAT_FINISH: Readonly<Record<string, Finish>> = {
  stop: 'stop',
  eos: 'stop',
  length: 'length',
  tool_calls: 'tool_calls',
  function_call: 'tool_calls',
  tool_use: 'tool_calls',
  content_filter: 'content_filter',
}

export function toldInChat(recorded: RecordedCase): Answer {
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

const isStream = ({ response }: RecordedCase): boolean => response.kind !== 'json'
