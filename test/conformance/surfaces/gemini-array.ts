import type { Json } from '../answer.ts'
import { gemini } from './gemini.ts'
import type { ClientSurface } from './surface.ts'

/** The array's elements as the events that they would be with `alt=sse`. */
const asEvents = (body: string): string =>
  (JSON.parse(body) as Json[]).map((chunk) => `data: ${JSON.stringify(chunk)}\n\n`).join('')

/** Google's other way of streaming: one JSON array whose elements come one by one, errors in an array too. */
export const geminiArray: ClientSurface = {
  ...gemini,
  name: 'in an array',
  path: ({ model }) => `/api/v1beta/models/${model}:streamGenerateContent`,
  read: (body, stream, own) => gemini.read(asEvents(body), stream, own),
  failure: (body) => gemini.failure(Array.isArray(body) ? body[0] : body),
  turn: (body, stream) => gemini.turn(asEvents(body), stream),
}
