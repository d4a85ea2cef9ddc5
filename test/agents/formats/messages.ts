import { json, sse } from '../../upstream/index.ts'
import {
  BILLED,
  badTool,
  COUNTED,
  type Format,
  flat,
  type Loose,
  named,
  pieces,
  SEAL,
  unanswered,
  unknownField,
} from './format.ts'

const FIELDS =
  'model messages max_tokens system stream stop_sequences temperature top_p top_k tools tool_choice metadata thinking output_config context_management cache_control service_tier container mcp_servers'.split(
    ' ',
  )
const USAGE = { input_tokens: BILLED.prompt, output_tokens: BILLED.completion }

const blocksOf = ({ content }: Loose): Loose[] =>
  typeof content === 'string' ? [{ type: 'text', text: content }] : content

/** Anthropic's Messages, as a Claude that thinks by itself takes them. */
export const messages: Format = {
  read(body, path) {
    if (path.includes('/count_tokens')) return null
    return {
      stream: body.stream === true,
      tools: new Map((body.tools ?? []).map((tool: Loose) => [tool.name, tool.type ?? 'custom'])),
      results: body.messages
        .flatMap(blocksOf)
        .filter((block: Loose) => block.type === 'tool_result')
        .map((block: Loose) => flat(block.content)),
    }
  },
  refuse(body, header) {
    const beta = (name: string) => header('anthropic-beta').includes(name)
    const { system, tools = [] } = body
    if (header('anthropic-version') !== '2023-06-01') return 'anthropic-version: header is required'
    if (!Number.isInteger(body.max_tokens)) return 'max_tokens: Field required'
    if (body.context_management !== undefined && !beta('context-management'))
      return 'context_management: Extra inputs are not permitted'
    if (body.thinking?.type === 'enabled') return '"thinking.type.enabled" is not supported for this model'
    if (body.temperature !== undefined || body.top_p !== undefined || body.top_k !== undefined)
      return '`temperature`, `top_p` and `top_k` are not supported for this model'
    const marks = JSON.stringify([system, tools, body.messages]).match(/"cache_control":\{/g)
    if ((marks?.length ?? 0) > 4) return 'A maximum of 4 blocks with cache_control may be provided'
    return (
      unknownField(body, FIELDS) ??
      badTool(tools.map((it: Loose) => ({ name: it.name, schema: it.input_schema }))) ??
      badTurn(body.messages, beta('mid-conversation')) ??
      unanswered(
        body.messages.map((message: Loose) => ({
          calls: idsOf(message, 'tool_use', 'id'),
          results: idsOf(message, 'tool_result', 'tool_use_id'),
        })),
      )
    )
  },
  write({ thought, text, calls = [] }, stream, nth) {
    const content: Loose[] = [
      ...(thought === undefined ? [] : [{ type: 'thinking', thinking: thought, signature: SEAL }]),
      ...(text === undefined ? [] : [{ type: 'text', text }]),
      ...calls.map((call, i) => ({ type: 'tool_use', id: `toolu_${nth}_${i}`, ...call })),
    ]
    const stop_reason = calls.length > 0 ? 'tool_use' : 'end_turn'
    const head = { id: `msg_${nth}`, type: 'message', role: 'assistant', model: 'upstream-claude' }
    if (!stream) return json(200, { ...head, content, stop_reason, stop_sequence: null, usage: USAGE })
    const message = { ...head, content: [], stop_reason: null, stop_sequence: null, usage: USAGE }
    return sse([
      named({ type: 'message_start', message }),
      ...content.flatMap((block, index) => [
        named({ type: 'content_block_start', index, content_block: { ...block, ...EMPTIED[block.type] } }),
        ...deltasOf(block).map((delta) => named({ type: 'content_block_delta', index, delta })),
        named({ type: 'content_block_stop', index }),
      ]),
      named({ type: 'message_delta', delta: { stop_reason, stop_sequence: null }, usage: USAGE }),
      named({ type: 'message_stop' }),
    ])
  },
  refusal: (message) => json(400, { type: 'error', error: { type: 'invalid_request_error', message } }),
  count: () => json(200, { input_tokens: COUNTED }),
}

const idsOf = (message: Loose, type: string, field: string): string[] =>
  blocksOf(message)
    .filter((block) => block.type === type)
    .map((block) => block[field])

function badTurn(turns: readonly Loose[], systemAllowed: boolean): string | null {
  if (turns[0]?.role !== 'user') return 'messages: first message must use the "user" role'
  for (const [i, turn] of turns.entries()) {
    if (turn.role === 'system' ? !systemAllowed : !['user', 'assistant'].includes(turn.role))
      return `messages.${i}.role: Input should be 'user' or 'assistant'`
    for (const block of blocksOf(turn)) {
      if (block.type === 'text' && block.text === '')
        return `messages.${i}: text content blocks must be non-empty`
      if (block.type === 'thinking' && block.signature !== SEAL)
        return `messages.${i}: Invalid \`signature\` in \`thinking\` block`
      if (block.type === 'redacted_thinking') return `messages.${i}: Invalid \`data\``
    }
    const kinds = blocksOf(turn).map(({ type }) => type === 'tool_result')
    if (kinds.indexOf(false) !== -1 && kinds.indexOf(false) < kinds.lastIndexOf(true))
      return `messages.${i}: tool_result blocks must come first`
  }
  return null
}

const EMPTIED: Readonly<Record<string, object>> = {
  thinking: { thinking: '', signature: '' },
  text: { text: '' },
  tool_use: { input: {} },
}

function deltasOf(block: Loose): object[] {
  if (block.type === 'text') return pieces(block.text).map((text) => ({ type: 'text_delta', text }))
  if (block.type === 'tool_use')
    return pieces(JSON.stringify(block.input)).map((partial_json) => ({
      type: 'input_json_delta',
      partial_json,
    }))
  return [
    ...pieces(block.thinking).map((thinking) => ({ type: 'thinking_delta', thinking })),
    { type: 'signature_delta', signature: block.signature },
  ]
}
