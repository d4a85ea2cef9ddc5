import type { ChatRequest } from '../../chat/index.ts'
import type { WireTarget } from '../dialect.ts'
import { isObject, type Json, list, object, without } from '../json.ts'
import type { Drops } from './drops.ts'
import { untag } from './foreign.ts'
import type { Traits } from './models.ts'
import { limitSampling } from './sampling.ts'
import { encodeThinking } from './thinking.ts'
import { CLAUDE_FORMAT } from './wire.ts'

/** Fields that are addressed to the gateway, never to a provider; `metadata.user_id` is told as a hash only. */
const OURS: ReadonlySet<string> = new Set([
  'model',
  'models',
  'fallbacks',
  'provider',
  'plugins',
  'route',
  'transforms',
  'preset',
  'session_id',
  'user',
  'metadata',
  'trace',
  'debug',
  'usage',
  'max_tokens',
  'max_tool_calls',
  'stop_server_tools_when',
])

/**
 * A Messages request on its way to a provider of the same dialect. Only what the target is known to refuse is changed:
 * a way of thinking that the model does not have, sampling parameters, reasoning that another provider wrote.
 */
export function adaptOwn(
  chat: ChatRequest,
  target: WireTarget,
  traits: Traits,
  limit: number,
  drops: Drops,
): Json {
  const body: Json = { model: target.upstreamId, max_tokens: limit, ...without(chat.wire, OURS) }
  // Not a list of ours: the provider falls back by itself.
  if (chat.wire['fallbacks'] === 'default') body['fallbacks'] = 'default'
  const messages = list(chat.wire['messages'])
  body['messages'] = withoutForeignThinking(messages, drops)
  if (traits.known) {
    adaptThinking(chat, body, traits, limit, drops)
    dropEffort(body, traits, drops)
  }
  limitSampling(body, traits, drops)
  return body
}

/** Asks in the model's own way for the thinking that the client asked for in another one. */
function adaptThinking(chat: ChatRequest, body: Json, traits: Traits, limit: number, drops: Drops): void {
  const own = object(body['thinking'])
  const type = own?.['type']
  const misfit =
    (type === 'adaptive' && (traits.thinking === 'budget' || traits.thinking === 'none')) ||
    (type === 'enabled' && (traits.thinking === 'adaptive' || traits.thinking === 'none')) ||
    ((type === 'disabled' || type === 'between_tools') && traits.off !== type && traits.off !== 'omit')
  if (own === null || !misfit) return
  const { thinking, effort } = encodeThinking(chat.reasoning, traits, limit, drops)
  if (thinking === undefined) delete body['thinking']
  else body['thinking'] = own['display'] === undefined ? thinking : { ...thinking, display: own['display'] }
  if (effort !== undefined) body['output_config'] = { effort, ...object(body['output_config']) }
}

/** Models without levels of effort refuse the field; `output_config` may hold more than that. */
function dropEffort(body: Json, traits: Traits, drops: Drops): void {
  const config = object(body['output_config'])
  if (config?.['effort'] === undefined || traits.efforts.length > 0) return
  const { effort: _effort, ...rest } = config
  if (Object.keys(rest).length > 0) body['output_config'] = rest
  else delete body['output_config']
  drops.add('verbosity', 'the model knows no levels of effort')
}

/** The same array when all thinking in it is Claude's own. */
function withoutForeignThinking(messages: readonly unknown[], drops: Drops): readonly unknown[] {
  let adapted: unknown[] | null = null
  for (const [i, message] of messages.entries()) {
    if (!isObject(message) || message['role'] !== 'assistant' || !Array.isArray(message['content'])) continue
    const content = message['content'].filter((block) => !isForeign(object(block)))
    if (content.length === message['content'].length) continue
    adapted ??= [...messages]
    adapted[i] = content.length === 0 ? null : { ...message, content }
    drops.add('reasoning_details', 'only reasoning that the provider signed itself can be sent back')
  }
  // A turn of nothing is refused; its neighbours may stand side by side.
  return adapted?.filter((message) => message !== null) ?? messages
}

function isForeign(block: Json | null): boolean {
  const proof = block?.['type'] === 'thinking' ? block['signature'] : block?.['data']
  if (block?.['type'] !== 'thinking' && block?.['type'] !== 'redacted_thinking') return false
  return typeof proof !== 'string' || proof === '' || untag(proof, 'signature').format !== CLAUDE_FORMAT
}
