import type { ChatParameters, ChatRequest } from '../../chat/index.ts'
import { Drops } from '../anthropic-messages/drops.ts'
import type { EncodedRequest, WireTarget } from '../dialect.ts'
import { isObject, type Json, object } from '../json.ts'
import { supports } from '../openai-chat/parameters.ts'
import { cachePoint, type EncodedConversation, encodeConversation } from './conversation.ts'
import { type Traits, traitsOf } from './models.ts'
import {
  encodeClaudeFields,
  encodeInference,
  encodeOutput,
  encodeReasoningFields,
  encodeTier,
  nameTheRest,
} from './parameters.ts'
import { answerTool, encodeToolConfig } from './tools.ts'

/** Fields of Converse that a client of any format may send by their own name: guardrails belong to the customer's account. */
const OWN_FIELDS = ['guardrailConfig', 'requestMetadata'] as const

/** Cache points in one request. Source: the user guide's page on prompt caching. */
const MAX_POINTS = 4

/**
 * `POST /model/{id}/converse` or `/converse-stream`, written from the hub's messages, tools and parameters. `messages`
 * stands last, so that a longer conversation only adds at the end. What cannot be sent is named in `dropped`.
 * Throws GatewayError `unprocessable` for media that Bedrock cannot take.
 */
export function encodeRequest(chat: ChatRequest, target: WireTarget): EncodedRequest<Json> {
  const drops = new Drops()
  const traits = traitsFor(target)
  const values = takenValues(chat, target, drops)
  const conversation = encodeConversation(chat.messages(), traits, drops)
  const body: Json = {}
  const reasoning = encodeReasoningFields(
    reasoningTaken(chat, target, drops),
    values,
    traits,
    target.maxOutput,
    drops,
  )
  const takes = (parameter: string) => takesParameter(target, parameter)
  const inference = encodeInference(chat.maxOutputTokens, values, traits, reasoning, takes, drops)
  if (Object.keys(inference.config).length > 0) body['inferenceConfig'] = inference.config
  const fields: Json = {
    ...reasoning.fields,
    ...inference.fields,
    ...encodeClaudeFields(chat, values, traits, reasoning, drops),
    ...object(chat.wire['additionalModelRequestFields']),
  }
  if (Object.keys(fields).length > 0) body['additionalModelRequestFields'] = fields
  if (traits.claude !== null && inference.config['stopSequences'] !== undefined) {
    body['additionalModelResponseFieldPaths'] = ['/stop_sequence']
  }
  for (const field of OWN_FIELDS) if (isObject(chat.wire[field])) body[field] = chat.wire[field]
  const tier = encodeTier(values, drops)
  if (tier !== null) body['serviceTier'] = tier
  const tools = chat.tools()
  const called = namesCalled(conversation)
  const toolConfig = encodeToolConfig(tools, values, traits, called, drops)
  if (toolConfig !== null) body['toolConfig'] = toolConfig
  addFormat(body, values, traits, drops)
  nameTheRest(chat, values, drops)
  if (values.cacheControl !== undefined) markEnd(conversation, values, traits, drops)
  if (conversation.system.length > 0) body['system'] = conversation.system
  body['messages'] = conversation.messages
  limitPoints(body, drops)
  applyQuirks(target, body, drops)
  const verb = chat.stream ? 'converse-stream' : 'converse'
  return {
    path: `/model/${encodeURIComponent(target.upstreamId)}/${verb}`,
    headers: [],
    body,
    dropped: drops.list,
  }
}

/** Lists of supported parameters know better than names of models where they speak of schemas. */
function traitsFor({ upstreamId, supportedParameters: supported }: WireTarget): Traits {
  const traits = traitsOf(upstreamId)
  return traits.schemas === null
    ? { ...traits, schemas: supported?.includes('structured_outputs') ?? true }
    : traits
}

function takesParameter({ supportedParameters: supported }: WireTarget, parameter: string): boolean {
  return supported === null || supports(supported, parameter)
}

/** Members of the values behind parameters that are read here; what the endpoint does not take is left out, and named. */
const GUARDED = {
  stop: 'stop',
  toolChoice: 'tool_choice',
  verbosity: 'verbosity',
} as const satisfies Partial<Record<keyof ChatParameters, string>>

function takenValues(chat: ChatRequest, target: WireTarget, drops: Drops): ChatParameters {
  const values: Record<string, unknown> = { ...chat.parameterValues() }
  for (const [member, parameter] of Object.entries(GUARDED)) {
    if (values[member] === undefined || takesParameter(target, parameter)) continue
    delete values[member]
    drops.add(parameter, 'the endpoint does not take it')
  }
  return values as unknown as ChatParameters
}

function reasoningTaken(chat: ChatRequest, target: WireTarget, drops: Drops): ChatRequest {
  if (chat.reasoning === null || takesParameter(target, 'reasoning')) return chat
  drops.add('reasoning', 'the endpoint does not take it')
  return { ...chat, reasoning: null }
}

/** Schema of the answer: as such where the model holds to one, else as the arguments of a tool it has to call. */
function addFormat(
  body: Json,
  { responseFormat: format }: ChatParameters,
  traits: Traits,
  drops: Drops,
): void {
  if (format === undefined) return
  if (format.kind === 'json') {
    drops.add(
      'response_format',
      'the Converse API has no JSON mode without a schema; the prompt has to ask for JSON',
    )
  } else if (traits.schemas === true) body['outputConfig'] = encodeOutput(format)
  else if (
    traits.forcedTools &&
    body['toolConfig'] === undefined &&
    object(body['additionalModelRequestFields'])?.['thinking'] === undefined
  ) {
    body['toolConfig'] = answerTool(format.schema, format.description)
  } else drops.add('structured_outputs', 'the model does not hold its answer to a schema')
}

function namesCalled({ messages }: EncodedConversation): string[] {
  const names = new Set<string>()
  for (const { content } of messages) {
    for (const block of content) {
      const name = object(block['toolUse'])?.['name']
      if (typeof name === 'string') names.add(name)
    }
  }
  return [...names]
}

function markEnd(
  { messages }: EncodedConversation,
  { cacheControl }: ChatParameters,
  traits: Traits,
  drops: Drops,
): void {
  const point = cachePoint(cacheControl!, traits)
  const content = messages.at(-1)!.content
  const last = content.at(-1)
  if (point === null) drops.add('cache_control', 'the model has no cache points')
  else if (last?.['cachePoint'] === undefined && (last?.['document'] ?? last?.['video']) === undefined) {
    content.push(point)
  }
}

/** Leaves the last cache points, since each covers all before it. */
function limitPoints(body: Json, drops: Drops): void {
  const isPoint = (block: Json) => block['cachePoint'] !== undefined
  const lists: Json[][] = [
    (object(body['toolConfig'])?.['tools'] as Json[] | undefined) ?? [],
    (body['system'] as Json[] | undefined) ?? [],
    ...(body['messages'] as EncodedConversation['messages']).map(({ content }) => content),
  ]
  let surplus = lists.flat().filter(isPoint).length - MAX_POINTS
  if (surplus <= 0) return
  for (const blocks of lists) {
    for (let i = 0; i < blocks.length && surplus > 0; i++) {
      if (!isPoint(blocks[i]!)) continue
      blocks.splice(i--, 1)
      surplus--
    }
  }
  drops.add('cache_control', `at most ${MAX_POINTS} cache points are taken; the last ones are kept`)
}

function applyQuirks({ quirks }: WireTarget, body: Json, drops: Drops): void {
  for (const field of quirks.unsupported ?? []) {
    if (body[field] === undefined) continue
    delete body[field]
    drops.add(field, 'the provider refuses it')
  }
  Object.assign(body, quirks.extraBody)
}
