import { sseData } from '../../chat-client.ts'
import type { Json } from '../answer.ts'
import { chat } from './chat.ts'
import { addressed, type ClientSurface, PROMPT } from './surface.ts'

export const completions: ClientSurface = {
  name: 'Completions',
  dialect: 'openai-completions',
  header: 'authorization',
  path: () => '/api/v1/completions',
  addressed,
  body: ({ model, stream, choices }) => ({
    model,
    stream,
    prompt: PROMPT,
    ...(choices > 1 && { n: choices }),
  }),
  read(body, stream) {
    // Text stands where chat has a delta or a message; nothing else differs.
    const asChat = (it: Json): Json => ({
      ...it,
      object: stream ? 'chat.completion.chunk' : 'chat.completion',
      choices: it['choices'].map(({ text, reasoning, annotations, ...rest }: Json) => ({
        ...rest,
        [stream ? 'delta' : 'message']: { content: text, reasoning, annotations },
      })),
    })
    if (!stream) return chat.read(JSON.stringify(asChat(JSON.parse(body))), false, false)
    const frames = sseData(body).map(
      (data) => `data: ${data === '[DONE]' ? data : JSON.stringify(asChat(JSON.parse(data)))}\n\n`,
    )
    return chat.read(frames.join(''), true, false)
  },
  failure: (body) => chat.failure(body),
  turn: () => [],
}
