import type { ChatEvent, ChatRequest } from '../../chat/index.ts'
import type { ClientDialect, ReplyMeta, RequestTarget } from '../dialect.ts'
import { isObject, type Json, list, object } from '../json.ts'
import { optional, refuse } from '../openai-chat/check.ts'
import { openaiResponses } from '../openai-responses/index.ts'
import { seal } from '../openai-responses/seal.ts'
import { encodeUsage } from '../openai-responses/usage.ts'

/** What the model is asked at the end of the conversation. */
const ASK = `Stop here and write a handover of this conversation, for an assistant that is to continue it without having seen it.
Tell what the user wants and in which way; what was decided and done; names, paths, figures, code and results of tools that later steps need, word for word; and what is still to be done.
Write the handover only.`

/**
 * `POST /responses/compact`: a conversation of the Responses API made short, for clients only. The model itself writes
 * the handover, so it works with every provider, and every model can go on from it: a compaction of OpenAI's own could be
 * read by OpenAI alone. Source of the shapes: OpenAI's reference, "Compact a response".
 */
export const openaiCompaction: ClientDialect = {
  id: 'openai-compaction',
  framing: 'sse',
  decodeRequest,
  encodeReply,
  createStreamEncoder: openaiResponses.createStreamEncoder,
  encodeError: openaiResponses.encodeError,
}

function decodeRequest(body: unknown, target: RequestTarget): ChatRequest {
  if (isObject(body) && optional.boolean(body, 'stream'))
    refuse('stream', 'A compaction comes whole: leave `stream` out.')
  // Checked as it came, so that what is wrong is named by the client's own words.
  openaiResponses.decodeRequest(body, target)
  const { text: _shape, include: _include, tools: offered, tool_choice: _choice, ...wire } = body as Json
  const tools = list(offered).filter((tool) => CALLED.includes(object(tool)?.['type']))
  const input = [...itemsOf(wire['input']), userMessage(ASK)]
  const known = tools.length > 0 && { tools, tool_choice: 'none' }
  return openaiResponses.decodeRequest({ ...wire, ...known, input }, target)
}

/** Tools that the conversation may hold calls of; providers want to know them, though none is to be called now. */
const CALLED: readonly unknown[] = ['function', 'custom', 'namespace']

/** The input as a list of items. */
const itemsOf = (input: unknown): readonly unknown[] =>
  typeof input === 'string' ? [userMessage(input)] : list(input)

const userMessage = (text: string): Json => ({
  type: 'message',
  role: 'user',
  content: [{ type: 'input_text', text }],
})

/** Without a whole handover nothing is lost: the conversation comes back as it was. */
function encodeReply(events: readonly ChatEvent[], meta: ReplyMeta): Json {
  const asked = list(meta.request?.wire['input'])
    .slice(0, -1)
    .map((item) => ({ type: 'message', ...object(item) }))
  const handover = handoverOf(events)
  const usage = events.findLast((event) => event.type === 'usage')
  return {
    id: meta.id,
    object: 'response.compaction',
    created_at: meta.created,
    model: meta.model,
    provider: meta.provider,
    output: handover === null ? asked : [...asked.filter(isUsers), compaction(handover, meta)],
    usage: usage === undefined ? null : encodeUsage(usage.usage, usage.cost ?? null),
  }
}

const isUsers = (item: unknown): boolean => object(item)?.['role'] === 'user'

const compaction = (text: string, { id }: ReplyMeta): Json => ({
  type: 'compaction',
  id: `cmp_${id.replace(/^gen-/, '')}`,
  encrypted_content: seal({ of: 'summary', text }),
})

function handoverOf(events: readonly ChatEvent[]): string | null {
  let text = ''
  for (const event of events) {
    if (event.type === 'block-delta' && event.delta.kind === 'text') text += event.delta.text
    if (event.type === 'error' || (event.type === 'finish' && event.reason !== 'stop')) return null
  }
  return text.trim() === '' ? null : text.trim()
}
