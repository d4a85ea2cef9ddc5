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
  'model input instructions stream stream_options store include tools tool_choice parallel_tool_calls reasoning text max_output_tokens max_tool_calls temperature top_p top_logprobs truncation user safety_identifier prompt_cache_key prompt_cache_retention prompt_cache_options metadata client_metadata service_tier background context_management'.split(
    ' ',
  )
const ITEMS = [
  'message',
  'reasoning',
  'function_call',
  'function_call_output',
  'custom_tool_call',
  'custom_tool_call_output',
]
const USAGE = {
  input_tokens: BILLED.prompt,
  input_tokens_details: { cached_tokens: 0 },
  output_tokens: BILLED.completion,
  output_tokens_details: { reasoning_tokens: 0 },
  total_tokens: BILLED.prompt + BILLED.completion,
}

/** OpenAI's Responses without stored state. */
export const responses: Format = {
  read: (body) => ({
    stream: body.stream === true,
    tools: new Map((body.tools ?? []).map((tool: Loose) => [tool.name ?? tool.type, tool.type])),
    results: (Array.isArray(body.input) ? body.input : [])
      .filter((item: Loose) => /_call_output$/.test(item.type))
      .map((item: Loose) => flat(item.output)),
  }),
  refuse(body) {
    const items: Loose[] = typeof body.input === 'string' ? [] : body.input
    if (body.store !== false) return 'store: items of a response that is not stored are asked for'
    if (!body.include?.includes('reasoning.encrypted_content')) return 'include: no reasoning could come back'
    const functions = (body.tools ?? []).filter((tool: Loose) => tool.type === 'function')
    return (
      unknownField(body, FIELDS) ??
      badTool(functions.map((it: Loose) => ({ name: it.name, schema: it.parameters }))) ??
      badItem(items) ??
      // Items of calls and of results may stand in any order of their own.
      unanswered([{ calls: idsOf(items, /_call$/) }, { results: idsOf(items, /_call_output$/) }])
    )
  },
  write({ thought, text, calls = [] }, stream, nth) {
    const output: Loose[] = []
    if (thought !== undefined) {
      const summary = [{ type: 'summary_text', text: thought }]
      output.push({ type: 'reasoning', id: `rs_${nth}`, summary, encrypted_content: SEAL })
    }
    if (text !== undefined) {
      const content = [{ type: 'output_text', text, annotations: [], logprobs: [] }]
      output.push({ type: 'message', id: `msg_${nth}`, role: 'assistant', status: 'completed', content })
    }
    for (const [i, { name, input }] of calls.entries()) {
      const own = { call_id: `call_${nth}_${i}`, name, status: 'completed' }
      output.push(
        typeof input === 'string'
          ? { type: 'custom_tool_call', id: `ctc_${nth}_${i}`, ...own, input }
          : { type: 'function_call', id: `fc_${nth}_${i}`, ...own, arguments: JSON.stringify(input) },
      )
    }
    const head = { id: `resp_${nth}`, object: 'response', created_at: 1, model: 'upstream-gpt', error: null }
    const response = { ...head, status: 'completed', output, usage: USAGE }
    if (!stream) return json(200, response)
    let sequence_number = 0
    const event = (it: { type: string; [field: string]: unknown }) =>
      named({ ...it, sequence_number: sequence_number++ })
    const begun = { ...head, status: 'in_progress', output: [], usage: null }
    return sse([
      event({ type: 'response.created', response: begun }),
      event({ type: 'response.in_progress', response: begun }),
      ...output.flatMap((item, output_index) => [
        event({ type: 'response.output_item.added', output_index, item: { ...item, ...BEGUN[item.type] } }),
        ...eventsOf(item).map((it) => event({ ...it, item_id: item.id, output_index })),
        event({ type: 'response.output_item.done', output_index, item }),
      ]),
      event({ type: 'response.completed', response }),
    ])
  },
  refusal: (message) =>
    json(400, { error: { message, type: 'invalid_request_error', param: null, code: null } }),
  count: () => json(200, { input_tokens: COUNTED }),
}

const idsOf = (items: readonly Loose[], type: RegExp): string[] =>
  items.filter((item) => type.test(item.type)).map((item) => item.call_id)

function badItem(items: readonly Loose[]): string | null {
  for (const [i, item] of items.entries()) {
    if (!ITEMS.includes(item.type)) return `input[${i}].type: ${item.type} is not one that can be here`
    if (item.type !== 'reasoning') continue
    if (item.encrypted_content !== SEAL) return `input[${i}]: the encrypted content could not be verified`
    if (!/^rs_/.test(item.id ?? '')) return `input[${i}].id: expected an ID that begins with 'rs'`
    if (!items[i + 1] || items[i + 1].role === 'user')
      return `input[${i}]: reasoning without its required following item`
  }
  return null
}

const BEGUN: Readonly<Record<string, object>> = {
  reasoning: { summary: [], encrypted_content: null },
  message: { content: [], status: 'in_progress' },
  function_call: { arguments: '', status: 'in_progress' },
  custom_tool_call: { input: '', status: 'in_progress' },
}

function eventsOf(item: Loose): { type: string; [field: string]: unknown }[] {
  const told = (kind: string, text: string, whole: object, more: object = {}) => [
    ...pieces(text).map((delta) => ({ type: `response.${kind}.delta`, ...more, delta })),
    { type: `response.${kind}.done`, ...more, ...whole },
  ]
  if (item.type === 'function_call')
    return told('function_call_arguments', item.arguments, { arguments: item.arguments })
  if (item.type === 'custom_tool_call')
    return told('custom_tool_call_input', item.input, { input: item.input })
  const isMessage = item.type === 'message'
  const part = isMessage ? item.content[0] : item.summary[0]
  const [around, inside] = isMessage
    ? ['content_part', 'output_text']
    : ['reasoning_summary_part', 'reasoning_summary_text']
  const at = isMessage ? { content_index: 0 } : { summary_index: 0 }
  return [
    { type: `response.${around}.added`, ...at, part: { ...part, text: '' } },
    ...told(inside!, part.text, { text: part.text }, at),
    { type: `response.${around}.done`, ...at, part },
  ]
}
