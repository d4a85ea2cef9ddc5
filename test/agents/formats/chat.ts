import { json, sse } from '../../upstream/index.ts'
import {
  BILLED,
  badTool,
  COUNTED,
  type Format,
  flat,
  type Loose,
  pieces,
  unanswered,
  unknownField,
} from './format.ts'

const FIELDS =
  'model messages stream stream_options tools tool_choice parallel_tool_calls max_tokens max_completion_tokens temperature top_p stop seed user safety_identifier prompt_cache_key response_format reasoning_effort verbosity metadata service_tier'.split(
    ' ',
  )
const ROLES = ['system', 'developer', 'user', 'assistant', 'tool']
const USAGE = {
  prompt_tokens: BILLED.prompt,
  completion_tokens: BILLED.completion,
  total_tokens: BILLED.prompt + BILLED.completion,
}

/** Chat Completions; `deepSeek`: with the fields and rules of DeepSeek's thinking mode. */
const chatOf = (deepSeek: boolean): Format => ({
  read: (body) => ({
    stream: body.stream === true,
    tools: new Map((body.tools ?? []).map((tool: Loose) => [tool.function.name, 'function'])),
    results: body.messages
      .filter((message: Loose) => message.role === 'tool')
      .map((message: Loose) => flat(message.content)),
  }),
  refuse: (body) =>
    unknownField(body, deepSeek ? [...FIELDS, 'thinking'] : FIELDS) ??
    badTool(
      (body.tools ?? []).map((it: Loose) => ({ name: it.function.name, schema: it.function.parameters })),
    ) ??
    badMessage(body.messages, deepSeek) ??
    unanswered(
      body.messages.map((message: Loose) => ({
        calls: message.tool_calls?.map((call: Loose) => call.id),
        ...(message.role === 'tool' && { results: [message.tool_call_id] }),
      })),
    ),
  write({ thought, text, calls = [] }, stream, nth) {
    const tools = calls.map(({ name, input }, i) => ({
      id: `call_${nth}_${i}`,
      type: 'function',
      function: { name, arguments: JSON.stringify(input) },
    }))
    const finish_reason = tools.length > 0 ? 'tool_calls' : 'stop'
    const head = { id: `chatcmpl-${nth}`, created: 1, model: 'upstream-model' }
    if (!stream) {
      const message = {
        role: 'assistant',
        content: text ?? null,
        ...(thought !== undefined && { reasoning_content: thought }),
        ...(tools.length > 0 && { tool_calls: tools }),
      }
      const choices = [{ index: 0, message, finish_reason }]
      return json(200, { ...head, object: 'chat.completion', choices, usage: USAGE })
    }
    const chunk = (choices: object[], more: object = {}) =>
      `data: ${JSON.stringify({ ...head, object: 'chat.completion.chunk', choices, ...more })}\n\n`
    const delta = (it: object, finish: string | null = null) =>
      chunk([{ index: 0, delta: it, finish_reason: finish }])
    const args = (index: number) => (part: string) =>
      delta({ tool_calls: [{ index, function: { arguments: part } }] })
    return sse([
      delta({ role: 'assistant', content: '' }),
      ...pieces(thought ?? '').map((reasoning_content) => delta({ reasoning_content })),
      ...pieces(text ?? '').map((content) => delta({ content })),
      ...tools.flatMap((tool, index) => [
        delta({ tool_calls: [{ ...tool, index, function: { ...tool.function, arguments: '' } }] }),
        ...pieces(tool.function.arguments).map(args(index)),
      ]),
      delta({}, finish_reason),
      chunk([], { usage: USAGE }),
      'data: [DONE]\n\n',
    ])
  },
  refusal: (message) =>
    json(400, { error: { message, type: 'invalid_request_error', param: null, code: null } }),
  count: () => json(200, { input_tokens: COUNTED }),
})

function badMessage(messages: readonly Loose[], deepSeek: boolean): string | null {
  const asked = messages.findLastIndex(({ role }) => role === 'user')
  for (const [i, { role, content, tool_calls, reasoning_content, ...rest }] of messages.entries()) {
    if (!ROLES.includes(role)) return `messages[${i}]: no role is called ${role}`
    if (deepSeek && role === 'developer') return `messages[${i}]: unknown variant \`developer\``
    const field = unknownField(rest, ['tool_call_id', 'name', 'refusal'])
    if (field !== null) return `messages[${i}].${field}`
    if (content === null && tool_calls === undefined) return `messages[${i}]: nothing is said`
    if (!deepSeek && reasoning_content !== undefined) return `messages[${i}].reasoning_content: unknown field`
    // api-docs.deepseek.com, "Thinking Mode", "Tool calls".
    if (deepSeek && i > asked && tool_calls !== undefined && !reasoning_content)
      return 'The `reasoning_content` in the thinking mode must be passed back to the API.'
  }
  return null
}

export const openaiChat = chatOf(false)
export const deepSeekChat = chatOf(true)
