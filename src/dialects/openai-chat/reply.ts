import type { ChatEvent } from '../../chat/index.ts'
import { GatewayError } from '../../chat/index.ts'
import type { ReplyMeta } from '../dialect.ts'
import { type FoldedBlock, type FoldedChoice, fold } from '../fold.ts'
import { isObject, type Json, object } from '../json.ts'
import { encodeStreamError } from './errors.ts'
import { EventReader } from './events.ts'
import {
  encodeAudio,
  encodeCitation,
  reasoningFacts,
  serverToolDetail,
  signatureDetail,
  toolId,
} from './stream.ts'
import { encodeUsage } from './usage.ts'
import { DIALECT, type WireReply } from './wire.ts'

/** The events of a whole reply. Throws GatewayError `provider_protocol` when it is none of this dialect. */
export function decodeReply(reply: unknown): ChatEvent[] {
  if (!isObject(reply) || !(Array.isArray(reply['choices']) || reply['error'])) {
    throw new GatewayError(
      'provider_protocol',
      'The provider answered with something that is not a chat completion.',
    )
  }
  const reader = new EventReader(true)
  return [...reader.read(reply), ...reader.end()]
}

/** A whole reply in OpenRouter's shape. An error in the events becomes the choice's `error` beside what was produced. */
export function encodeReply(events: readonly ChatEvent[], meta: ReplyMeta): WireReply {
  const answer = fold(events)
  const opaque = answer.opaque
    .filter((event) => event.dialect === DIALECT)
    .map((event) => object(event.data) ?? {})
  const choices = [...answer.choices].toSorted(([a], [b]) => a - b)
  const error = answer.error
  if (error !== null && choices.length === 0)
    choices.push([0, { blocks: [], citations: [], finish: null, logprobs: [] }])
  const reply: WireReply = {
    id: meta.id,
    object: 'chat.completion',
    created: meta.created,
    model: meta.model,
    provider: meta.provider,
    system_fingerprint: answer.start?.systemFingerprint ?? null,
    choices: choices.map(([index, choice]) => ({
      index,
      finish_reason: error === null ? (choice.finish?.reason ?? null) : 'error',
      native_finish_reason: choice.finish?.native ?? null,
      logprobs: joinLogprobs(choice.logprobs),
      ...(error !== null && { error: encodeStreamError(error.code, error.message, {}) }),
      message: {
        ...encodeMessage(choice, index, meta),
        ...Object.assign(
          {},
          ...opaque.filter((data) => (data['choice'] ?? 0) === index).map((data) => data['message']),
        ),
      },
    })),
  }
  if (answer.start?.serviceTier !== undefined) reply['service_tier'] = answer.start.serviceTier
  if (answer.usage !== null) reply.usage = encodeUsage(answer.usage, answer.cost)
  return reply
}

function encodeMessage(choice: FoldedChoice, index: number, meta: ReplyMeta): Json {
  const of = (kind: FoldedBlock['block']['kind']) => choice.blocks.filter(({ block }) => block.kind === kind)
  const said = (kind: FoldedBlock['block']['kind']) =>
    of(kind)
      .map(({ text }) => text)
      .join('') || null
  const message: Json = {
    role: 'assistant',
    content: said('text'),
    refusal: said('refusal'),
    reasoning: null,
  }
  if (!meta.hideReasoning) {
    message['reasoning'] =
      of('reasoning')
        .map(({ text, summary }) => text || summary)
        .join('') || null
    const details = reasoningDetails(choice.blocks)
    if (details.length > 0) message['reasoning_details'] = details
  }
  const tools = of('tool')
  if (tools.length > 0)
    message['tool_calls'] = tools.map((tool, place) => encodeTool(tool, place, index, meta))
  const images = of('image').flatMap(({ urls }) => urls)
  if (images.length > 0) message['images'] = images.map((url) => ({ type: 'image_url', image_url: { url } }))
  for (const { block, audio } of of('audio')) {
    const { expiresAt, ...content } = audio
    message['audio'] = encodeAudio(block, expiresAt === null ? content : { ...content, expiresAt })
  }
  if (choice.citations.length > 0) message['annotations'] = choice.citations.map(encodeCitation)
  return message
}

function encodeTool({ block, args }: FoldedBlock, place: number, choice: number, meta: ReplyMeta): Json {
  const { id, name } = block as FoldedBlock['block'] & { kind: 'tool' }
  return {
    index: place,
    id: id || toolId(meta, choice, place),
    type: 'function',
    function: { name, arguments: args },
  }
}

/** One detail for each thing a block holds: text with its signature, summary, encrypted data. */
function reasoningDetails(blocks: readonly FoldedBlock[]): Json[] {
  const details: Json[] = []
  let place = 0
  for (const { block, text, summary, signature, encrypted, args, results } of blocks) {
    if (block.kind === 'server-tool') details.push(serverToolDetail(block, args, results[0] ?? null, place++))
    if ((block.kind === 'tool' || block.kind === 'text') && signature !== '') {
      details.push(signatureDetail(block, signature, place++))
    }
    if (block.kind !== 'reasoning') continue
    const facts = reasoningFacts(block, place++)
    if (summary !== '') details.push({ type: 'reasoning.summary', summary, ...facts })
    if (text !== '' || (signature !== '' && summary === '')) {
      details.push({ type: 'reasoning.text', text, ...(signature !== '' && { signature }), ...facts })
    }
    if (encrypted !== '') details.push({ type: 'reasoning.encrypted', data: encrypted, ...facts })
  }
  return details
}

/** Log probabilities of a stream's chunks as one list. */
function joinLogprobs(pieces: readonly unknown[]): unknown {
  if (pieces.length <= 1) return pieces[0] ?? null
  const joined: { [key: string]: unknown[] | null } = {}
  for (const piece of pieces) {
    for (const [key, values] of Object.entries(object(piece) ?? {})) {
      if (Array.isArray(values)) joined[key] = [...(joined[key] ?? []), ...values]
      else joined[key] ??= null
    }
  }
  return joined
}
