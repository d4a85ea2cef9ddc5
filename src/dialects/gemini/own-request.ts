import type { ChatRequest } from '../../chat/index.ts'
import type { WireTarget } from '../dialect.ts'
import { isObject, type Json, list, object, without } from '../json.ts'
import { UNSIGNED } from './contents.ts'
import type { Drops } from './drops.ts'
import { type Traits, traitsOf } from './models.ts'
import { isSealed, unseal } from './seal.ts'
import { encodeThinking } from './thinking.ts'
import { field } from './wire.ts'

/** Fields that are addressed to the gateway, never to a provider. */
const OURS: ReadonlySet<string> = new Set([
  'model',
  'models',
  'provider',
  'plugins',
  'route',
  'transforms',
  'preset',
  'session_id',
  'user',
  'trace',
  'debug',
  'usage',
  'stream',
])

/**
 * A request of this API on its way to a provider of the same dialect. Only what the target is known to refuse is changed:
 * signatures that another family gave, and a way to ask for reasoning that the model does not have.
 */
export function adaptOwn(chat: ChatRequest, target: WireTarget, drops: Drops): Json {
  const { contents, ...body } = without({ ...chat.wire }, OURS)
  const traits = traitsOf(target.upstreamId)
  adaptThinking(chat, body, traits, drops)
  body['contents'] = withoutForeignSignatures(list(contents), traits.third, drops)
  return body
}

function adaptThinking(chat: ChatRequest, body: Json, { thinking }: Traits, drops: Drops): void {
  const key = body['generation_config'] === undefined ? 'generationConfig' : 'generation_config'
  const config = object(body[key])
  const own = object(field(config, 'thinkingConfig'))
  if (config === null || own === null) return
  const level = field(own, 'thinkingLevel') !== undefined
  const budget = field(own, 'thinkingBudget') !== undefined
  if (thinking.by === 'level' || (thinking.by === 'budget' && !level)) return
  const { thinkingConfig: _own, thinking_config: _snake, ...rest } = config
  if (thinking.by === 'none') {
    if (level || budget) drops.add('reasoning', 'the model cannot be asked to reason')
    body[key] = rest
    return
  }
  body[key] = {
    ...rest,
    thinkingConfig: encodeThinking(chat.reasoning, thinking, chat.maxOutputTokens, drops),
  }
}

/** The same list when no other family signed any part of it. */
function withoutForeignSignatures(
  contents: readonly unknown[],
  third: boolean,
  drops: Drops,
): readonly unknown[] {
  const isForeign = (part: unknown) => isSealed(field(object(part), 'thoughtSignature'))
  if (!contents.some((content) => list(object(content)?.['parts']).some(isForeign))) return contents
  drops.add('reasoning_details', 'only reasoning that Gemini wrote itself can be sent back')
  return contents.map((content) => {
    if (!isObject(content) || !list(content['parts']).some(isForeign)) return content
    const parts = list(content['parts']).flatMap((part) =>
      isForeign(part) ? unsigned(part as Json, third) : [part],
    )
    return { ...content, parts }
  })
}

function unsigned(part: Json, third: boolean): Json[] {
  const { thoughtSignature, thought_signature: snake, ...rest } = part
  const { own } = unseal(String(thoughtSignature ?? snake))
  if (own !== '') return [{ ...rest, thoughtSignature: own }]
  if (third && field(rest, 'functionCall') !== undefined) return [{ ...rest, thoughtSignature: UNSIGNED }]
  return rest['text'] === '' ? [] : [rest]
}
