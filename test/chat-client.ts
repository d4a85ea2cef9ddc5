/**
 * A strict reader of Chat Completions answers, the way official clients add them up, and a plain reading of what a
 * provider sent. Both are written without the gateway's code, so that one can be held against the other.
 */

// biome-ignore lint/suspicious/noExplicitAny: foreign JSON, read as loosely as a script would
type Json = Record<string, any>

export interface ReadTool {
  id: string
  name: string
  args: string
}

export interface ReadChoice {
  text: string
  reasoning: string
  refusal: string
  tools: ReadTool[]
  finish: string | null
  native: string | null
}

export interface ReadAnswer {
  choices: ReadChoice[]
  usage: Json | null
  error: Json | null
  done: boolean
  /** Parsed events, in order, without the end mark. */
  chunks: Json[]
}

const emptyChoice = (): ReadChoice => ({
  text: '',
  reasoning: '',
  refusal: '',
  tools: [],
  finish: null,
  native: null,
})

function choiceAt(answer: ReadAnswer, index: number): ReadChoice {
  answer.choices[index] ??= emptyChoice()
  return answer.choices[index]
}

/** Data of server-sent events; comments and other fields are left out. */
export function sseData(text: string): string[] {
  return text
    .split(/\r?\n\r?\n/)
    .map((frame) =>
      frame
        .split(/\r?\n/)
        .filter((line) => line.startsWith('data:'))
        .map((line) => line.slice(5).trimStart())
        .join('\n'),
    )
    .map((data) => data.trim())
    .filter((data) => data !== '')
}

/**
 * What a client of the gateway makes of a stream: calls are added up by index, names and ids as they come (a repeated
 * one would double). Throws when the stream breaks the contract: chunks without choices, usage twice, anything after the end.
 */
export function readGatewayStream(text: string): ReadAnswer {
  const answer: ReadAnswer = { choices: [], usage: null, error: null, done: false, chunks: [] }
  for (const data of sseData(text)) {
    if (answer.done) throw new Error('an event after [DONE]')
    if (data === '[DONE]') {
      answer.done = true
      continue
    }
    const chunk = JSON.parse(data) as Json
    answer.chunks.push(chunk)
    if (answer.error !== null) throw new Error('an event after the error')
    if (chunk['object'] !== 'chat.completion.chunk') throw new Error('not a chunk')
    if (!Array.isArray(chunk['choices']) || chunk['choices'].length === 0)
      throw new Error('a chunk without choices')
    if (chunk['usage']) {
      if (answer.usage !== null) throw new Error('usage twice')
      answer.usage = chunk['usage']
    }
    if (chunk['error']) answer.error = chunk['error']
    for (const choice of chunk['choices']) addDelta(answer, choice)
  }
  return answer
}

function addDelta(answer: ReadAnswer, choice: Json): void {
  const into = choiceAt(answer, choice['index'])
  const delta = choice['delta'] as Json
  if (!('finish_reason' in choice) || !delta) throw new Error('a choice without delta or finish_reason')
  into.text += delta['content'] ?? ''
  into.reasoning += delta['reasoning'] ?? ''
  into.refusal += delta['refusal'] ?? ''
  for (const call of delta['tool_calls'] ?? []) {
    into.tools[call.index] ??= { id: '', name: '', args: '' }
    const tool = into.tools[call.index]!
    tool.id += call.id ?? ''
    tool.name += call.function?.name ?? ''
    tool.args += call.function?.arguments ?? ''
  }
  if (choice['finish_reason'] === null) return
  if (into.finish !== null) throw new Error('a choice finished twice')
  into.finish = choice['finish_reason']
  into.native = choice['native_finish_reason']
}

/** What a client makes of a whole reply. */
export function readGatewayReply(reply: Json): ReadAnswer {
  const answer: ReadAnswer = {
    choices: [],
    usage: reply['usage'] ?? null,
    error: reply['error'] ?? null,
    done: true,
    chunks: [],
  }
  for (const choice of reply['choices'] ?? []) {
    const { message } = choice
    answer.choices[choice.index] = {
      text: message.content ?? '',
      reasoning: message.reasoning ?? '',
      refusal: message.refusal ?? '',
      tools: (message.tool_calls ?? []).map((call: Json) => ({
        id: call['id'],
        name: call['function']?.name,
        args: call['function']?.arguments,
      })),
      finish: choice.finish_reason,
      native: choice.native_finish_reason,
    }
  }
  return answer
}

/** What an OpenAI-compatible provider said, in whichever spelling: the plain truth to compare with. */
export function readProvider(kind: 'sse' | 'json', body: string): ReadAnswer {
  const answer: ReadAnswer = { choices: [], usage: null, error: null, done: false, chunks: [] }
  const pieces = kind === 'json' ? [body] : sseData(body)
  for (const data of pieces) {
    if (data === '[DONE]') {
      answer.done = true
      continue
    }
    const chunk = JSON.parse(data) as Json
    answer.chunks.push(chunk)
    answer.error ??= chunk['error'] ?? null
    const usage = chunk['usage'] ?? chunk['x_groq']?.usage
    if (usage && typeof usage.completion_tokens === 'number') answer.usage = usage
    for (const [at, choice] of (chunk['choices'] ?? []).entries()) {
      const into = choiceAt(answer, choice.index ?? at)
      addProviderMessage(into, kind === 'json' ? choice.message : (choice.delta ?? choice.message))
      if (choice.finish_reason) {
        into.finish = choice.finish_reason
        into.native = choice.native_finish_reason ?? choice.finish_reason
      }
    }
  }
  return answer
}

/** Index under which the provider sent a call. */
const AT = new WeakMap<ReadTool, number>()

function addProviderMessage(into: ReadChoice, message: Json): void {
  if (Array.isArray(message['content'])) {
    for (const part of message['content']) {
      if (part.type === 'text') into.text += part.text
      if (part.type === 'thinking')
        into.reasoning += part.thinking.map((piece: Json) => piece['text']).join('')
    }
  } else into.text += message['content'] ?? ''
  const details = (message['reasoning_details'] ?? []) as Json[]
  into.reasoning +=
    message['reasoning'] ||
    message['reasoning_content'] ||
    details.map((detail) => detail['text'] ?? detail['summary'] ?? '').join('')
  into.refusal += message['refusal'] ?? ''
  for (const call of message['tool_calls'] ?? []) {
    let tool = call.id
      ? into.tools.find(({ id }) => id === call.id)
      : into.tools.findLast((it) => AT.get(it) === call.index)
    if (tool === undefined) {
      tool = { id: call.id, name: call.function?.name ?? '', args: '' }
      AT.set(tool, call.index)
      into.tools.push(tool)
    }
    tool.args += call.function?.arguments ?? ''
  }
}
