import type { ChatRequest } from '../../chat/index.ts'
import type { WireTarget } from '../dialect.ts'
import { openaiChat } from '../openai-chat/index.ts'
import { anthropicMessages } from './index.ts'

// biome-ignore lint/suspicious/noExplicitAny: foreign JSON, read as loosely as a script would
export type Loose = Record<string, any>

export const target = (upstreamId = 'claude-sonnet-4-6', more: Partial<WireTarget> = {}): WireTarget => ({
  upstreamId,
  maxOutput: 64_000,
  quirks: {},
  supportedParameters: null,
  ...more,
})

export const chat = (body: Loose): ChatRequest =>
  openaiChat.decodeRequest({ model: 'a/b', messages: [{ role: 'user', content: 'Hi' }], ...body }, at)
export const at = { path: '/chat/completions', query: '' }

export function encode(request: ChatRequest, to: WireTarget = target()) {
  const { body, dropped, headers, path } = anthropicMessages.encodeRequest(request, to)
  return { body: JSON.parse(JSON.stringify(body)) as Loose, dropped, headers, path }
}
export const sent = (body: Loose, to?: WireTarget) => encode(chat(body), to)
export const droppedBy = (body: Loose, to?: WireTarget) =>
  sent(body, to).dropped.map(({ parameter }) => parameter)
