import { embeddings, json, type Script, sse } from '../upstream/index.ts'
import type { Loose } from './install.ts'

/** What the user asks for; the providers below know these and nothing else. */
export const PROMPTS = {
  hello: 'Say hello.',
  weather: 'How warm is it in Paris? Ask the weather tool.',
  city: 'Name a city and its temperature.',
  image: 'What is in the picture?',
  cut: 'Begin and break off.',
  endless: 'Begin and never end.',
} as const

export const HELLO = ['Hel', 'lo ', 'there']
export const WARM = ['It is ', '21 degrees']
export const CITY = { city: 'Paris', degrees: 21 }
export const IMAGE_ANSWER = ['A red ', 'dot']
/** A red dot of 5 by 5 pixels. */
export const PNG =
  'iVBORw0KGgoAAAANSUhEUgAAAAUAAAAFCAYAAACNbyblAAAAHElEQVQI12P4//8/w38GIAXDIBKE0DHxgljNBAAO9TXL0Y4OHwAAAABJRU5ErkJggg=='

/** An answer before it is written in a provider's format. */
interface Answer {
  readonly text: readonly string[]
  readonly tool?: { readonly name: string; readonly input: object }
  readonly ending?: 'cut' | 'stall'
}

const says = (...text: string[]): Answer => ({ text })

function answerTo(body: string, tool: string | undefined, hasResult: boolean): Answer {
  const asks = (prompt: keyof typeof PROMPTS) => body.includes(PROMPTS[prompt])
  if (asks('cut')) return { text: ['Once ', 'upon '], ending: 'cut' }
  if (asks('endless')) return { text: ['Once ', 'upon '], ending: 'stall' }
  if (hasResult) return says(...WARM)
  if (tool !== undefined)
    return { text: [], tool: { name: tool, input: asks('weather') ? { city: 'Paris' } : CITY } }
  if (asks('city')) return says(JSON.stringify(CITY).slice(0, 9), JSON.stringify(CITY).slice(9))
  if (asks('image')) return says(...(body.includes(PNG) ? IMAGE_ANSWER : ['No picture came']))
  return says(...HELLO)
}

/** What the provider of Messages counts. */
export const COUNTED = 4711

const USAGE = { prompt_tokens: 20, completion_tokens: 5, total_tokens: 25 }

/** A provider of Chat Completions, streaming or whole as it is asked, and of embeddings. */
export const chatProvider: Script = ({ body }) => {
  const asked = JSON.parse(body) as Loose
  if (asked.messages === undefined) return embeddings(3)({ body })
  const tool = asked.tools?.[0]?.function.name as string | undefined
  const answer = answerTo(body, tool, asked.messages.at(-1).role === 'tool')
  const call = answer.tool && {
    id: 'call_1',
    type: 'function',
    function: { name: answer.tool.name, arguments: JSON.stringify(answer.tool.input) },
  }
  const finish_reason = call ? 'tool_calls' : 'stop'
  const head = { id: 'chatcmpl-1', created: 1, model: 'upstream-model' }
  if (asked.stream !== true) {
    const content = call ? null : answer.text.join('')
    const message = { role: 'assistant', content, ...(call && { tool_calls: [call] }) }
    const choices = [{ index: 0, message, finish_reason }]
    return json(200, { ...head, object: 'chat.completion', choices, usage: USAGE })
  }
  const event = (delta: object, finish: string | null = null) =>
    `data: ${JSON.stringify({ ...head, object: 'chat.completion.chunk', choices: [{ index: 0, delta, finish_reason: finish }] })}\n\n`
  const events = [
    event({ role: 'assistant', content: '' }),
    ...answer.text.map((content) => event({ content })),
  ]
  if (answer.ending !== undefined) return sse(events, { ending: answer.ending, gapMs: 20 })
  if (call) {
    const { arguments: args, name } = call.function
    const started = { ...call, index: 0, function: { name, arguments: '' } }
    events.push(event({ tool_calls: [started] }))
    for (const part of [args.slice(0, 5), args.slice(5)])
      events.push(event({ tool_calls: [{ index: 0, function: { arguments: part } }] }))
  }
  const usage = `data: ${JSON.stringify({ ...head, object: 'chat.completion.chunk', choices: [], usage: USAGE })}\n\n`
  return sse([...events, event({}, finish_reason), usage, 'data: [DONE]\n\n'])
}

/** A provider of Anthropic's Messages, streaming or whole as it is asked. */
export const messagesProvider: Script = ({ body }) => {
  const asked = JSON.parse(body) as Loose
  // Counting is asked for without a limit of the answer.
  if (asked.max_tokens === undefined) return json(200, { input_tokens: COUNTED })
  const last = asked.messages.at(-1).content
  const hasResult = Array.isArray(last) && last.some((block: Loose) => block.type === 'tool_result')
  const answer = answerTo(body, asked.tools?.[0]?.name, hasResult)
  const call = answer.tool && { type: 'tool_use', id: 'toolu_1', ...answer.tool }
  const stop_reason = call ? 'tool_use' : 'end_turn'
  const usage = { input_tokens: 20, output_tokens: 5 }
  const message = { id: 'msg_1', type: 'message', role: 'assistant', model: 'upstream-claude' }
  if (asked.stream !== true) {
    const content = [call ?? { type: 'text', text: answer.text.join('') }]
    return json(200, { ...message, content, stop_reason, stop_sequence: null, usage })
  }
  const start = { ...message, content: [], stop_reason: null, stop_sequence: null, usage }
  const events = [event({ type: 'message_start', message: start }), ...blockEvents(answer, call)]
  if (answer.ending !== undefined) return sse(events, { ending: answer.ending, gapMs: 20 })
  events.push(event({ type: 'content_block_stop', index: 0 }))
  events.push(event({ type: 'message_delta', delta: { stop_reason, stop_sequence: null }, usage }))
  return sse([...events, event({ type: 'message_stop' })])
}

const event = (it: { readonly type: string; readonly [field: string]: unknown }) =>
  `event: ${it.type}\ndata: ${JSON.stringify(it)}\n\n`

function blockEvents(answer: Answer, call: object | undefined): string[] {
  const content_block = call ? { ...call, input: {} } : { type: 'text', text: '' }
  const args = JSON.stringify(answer.tool?.input ?? {})
  const deltas = call
    ? [args.slice(0, 5), args.slice(5)].map((partial_json) => ({ type: 'input_json_delta', partial_json }))
    : answer.text.map((text) => ({ type: 'text_delta', text }))
  return [
    event({ type: 'content_block_start', index: 0, content_block }),
    ...deltas.map((delta) => event({ type: 'content_block_delta', index: 0, delta })),
  ]
}
