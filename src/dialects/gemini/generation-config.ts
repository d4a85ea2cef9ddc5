import type { ChatParameters, ChatRequest } from '../../chat/index.ts'
import type { WireTarget } from '../dialect.ts'
import { type Json, object, text } from '../json.ts'
import { supports } from '../openai-chat/parameters.ts'
import type { Drops } from './drops.ts'
import type { Traits } from './models.ts'
import { restrictSchema } from './schema.ts'
import { encodeThinking } from './thinking.ts'

/** The most sequences that the API takes. */
const MAX_STOPS = 5

/** Does the endpoint take the parameter of that name? */
export const isTaken = ({ supportedParameters }: WireTarget, parameter: string): boolean =>
  supportedParameters === null || supports(supportedParameters, parameter)

/** `generationConfig` of a request of another dialect; `hasTools`: it declares functions. */
export function generationConfig(
  chat: ChatRequest,
  values: ChatParameters,
  hasTools: boolean,
  target: WireTarget,
  traits: Traits,
  drops: Drops,
): Json {
  const config: Json = {}
  const set = (key: string, value: unknown) => {
    if (value !== undefined && value !== null) config[key] = value
  }
  set('temperature', values.temperature)
  set('topP', values.topP)
  set('topK', values.topK)
  set('maxOutputTokens', chat.maxOutputTokens)
  if (chat.choices > 1) config['candidateCount'] = chat.choices
  const stops = values.stop?.filter((sequence) => sequence !== '') ?? []
  if (stops.length > 0) config['stopSequences'] = stops.slice(0, MAX_STOPS)
  if (stops.length > MAX_STOPS) drops.add('stop', `the API takes at most ${MAX_STOPS} sequences`)
  set('seed', values.seed)
  set('frequencyPenalty', values.frequencyPenalty)
  set('presencePenalty', values.presencePenalty)
  if (values.logprobs === true) {
    config['responseLogprobs'] = true
    set('logprobs', values.topLogprobs)
  }
  addFormat(config, values, hasTools, target, traits, drops)
  addModalities(config, chat, values)
  const isAsked = isTaken(target, 'reasoning')
  if (!isAsked && (chat.reasoning?.effort !== undefined || chat.reasoning?.maxTokens !== undefined)) {
    drops.add('reasoning', 'the endpoint does not take it')
  }
  if (isAsked)
    set('thinkingConfig', encodeThinking(chat.reasoning, traits.thinking, chat.maxOutputTokens, drops))
  return config
}

function addFormat(
  config: Json,
  { responseFormat: format }: ChatParameters,
  hasTools: boolean,
  target: WireTarget,
  { third }: Traits,
  drops: Drops,
): void {
  if (format === undefined) return
  if (hasTools && !third) {
    drops.add('response_format', 'the model does not answer in JSON while it has tools')
    return
  }
  config['responseMimeType'] = 'application/json'
  if (format.kind === 'json') return
  if (isTaken(target, 'structured_outputs')) {
    config['responseJsonSchema'] = restrictSchema(format.schema, 'response_format', drops)
  } else drops.add('structured_outputs', 'the endpoint does not take it')
}

const IMAGE_FIELDS: Readonly<Record<string, string>> = {
  aspect_ratio: 'aspectRatio',
  image_size: 'imageSize',
}

function addModalities(config: Json, chat: ChatRequest, { extra }: ChatParameters): void {
  if (chat.outputModalities.some((name) => name !== 'text')) {
    config['responseModalities'] = chat.outputModalities.map((name) => name.toUpperCase())
  }
  const image = object(extra['image_config'])
  if (image !== null) {
    const members = Object.entries(image).map(([key, value]) => [IMAGE_FIELDS[key] ?? key, value])
    config['imageConfig'] = Object.fromEntries(members)
  }
  const voice = text(object(extra['audio'])?.['voice'])
  if (voice !== null && chat.outputModalities.includes('audio')) {
    config['speechConfig'] = { voiceConfig: { prebuiltVoiceConfig: { voiceName: voice } } }
  }
}
