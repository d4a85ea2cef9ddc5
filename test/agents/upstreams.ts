import type { Script } from '../upstream/step.ts'
import { deepSeekChat, openaiChat } from './formats/chat.ts'
import type { Asked, Format, Said } from './formats/format.ts'
import { gemini } from './formats/gemini.ts'
import { messages } from './formats/messages.ts'
import { responses } from './formats/responses.ts'

/** A model that says the same to the same question. */
export type Mind = (asked: Asked) => Said

/** A provider that the gateway knows, at an address of ours, and a model of the catalog that it serves. */
export interface Upstream {
  readonly dialect: string
  readonly provider: string
  readonly model: string
  readonly format: Format
  /** Its block in `providers` of waybill.yaml, without the indent. */
  config(url: string): string
}

const known =
  (id: string, path = '') =>
  (url: string) =>
    `${id}: { base_url: "${url}${path}", api_key: x }`

/** A model of one's own; figures in tokens. */
const own = (model: string, context: number, output: number): Upstream => ({
  dialect: 'openai-chat',
  provider: 'house',
  model,
  format: openaiChat,
  config: (url) =>
    `house: { dialect: openai-chat, base_url: "${url}/v1", api_key: x, models: [{ id: ${model}, context_length: ${context}, max_output: ${output}, price: { prompt: "1", completion: "2" }, capabilities: [tools] }] }`,
})

/** Gives less than some agents ask for as a matter of course, and holds less than their first prompt. */
const SMALL = own('house/small', 65_536, 8192)
export const TINY = own('house/tiny', 4096, 1024)

export const UPSTREAMS: readonly Upstream[] = [
  {
    dialect: 'anthropic-messages',
    provider: 'Anthropic',
    model: 'anthropic/claude-opus-5.5',
    format: messages,
    config: known('anthropic'),
  },
  {
    dialect: 'openai-responses',
    provider: 'OpenAI',
    model: 'openai/gpt-5.5',
    format: responses,
    config: (url) => `openai: { dialect: openai-responses, base_url: "${url}/v1", api_key: x }`,
  },
  {
    dialect: 'gemini',
    provider: 'Google AI Studio',
    model: 'google/gemini-3.8-flash',
    format: gemini,
    config: known('google-ai-studio'),
  },
  {
    dialect: 'openai-chat',
    provider: 'OpenAI',
    model: 'openai/gpt-5.5',
    format: openaiChat,
    config: known('openai', '/v1'),
  },
  {
    dialect: 'openai-chat',
    provider: 'DeepSeek',
    model: 'deepseek/deepseek-v4-pro',
    format: deepSeekChat,
    config: known('deepseek'),
  },
  SMALL,
]

/** A provider's answers as `mind` thinks them; a request that such a provider would refuse is refused. */
export function scriptOf(format: Format, mind: Mind): Script {
  return ({ nth, body, path, headers }) => {
    const wire = JSON.parse(body)
    const asked = format.read(wire, path)
    if (asked === null) return format.count()
    const why = format.refuse(wire, (name) => String(headers[name] ?? ''))
    return why === null ? format.write(mind(asked), asked.stream, nth) : format.refusal(why)
  }
}
