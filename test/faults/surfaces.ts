import { request } from 'node:http'
import {
  eventsOf,
  readGatewayStream as readResponses,
} from '../../src/dialects/openai-responses/reader.fixture.ts'
import { readGatewayStream as readChat } from '../chat-client.ts'
import { readGeminiStream } from '../gemini-client.ts'
import { readMessageStream } from '../messages-client.ts'

export const PROMPT = 'Say in sixty words why a gateway earns trust only when a provider misbehaves.'

/** What a client of one surface saw of one call. */
export interface Seen {
  readonly status: number
  readonly text: string
  /** The stream came to its good end, as a strict reader of that format sees it. */
  readonly finished: boolean
  /** The error that it was told, whole or in the stream; null when none. */
  readonly error: string | null
  readonly model: string | null
  /** Output tokens that were reported. */
  readonly outputTokens: number | null
  /** From sending to the last byte, ms. */
  readonly ms: number
  readonly id: string
}

type Reading = Pick<Seen, 'text' | 'finished' | 'error' | 'model' | 'outputTokens'>

interface Surface {
  readonly path: (model: string) => string
  readonly body: (model: string) => object
  /** Of a good status; throws on what the format forbids. */
  readonly read: (stream: string) => Reading
}

const message = { role: 'user', content: PROMPT }

export const SURFACES = {
  chat: {
    path: () => '/api/v1/chat/completions',
    body: (model) => ({ model, stream: true, messages: [message], max_tokens: 200 }),
    read: (stream) => {
      const { choices, usage, error, done, chunks } = readChat(stream)
      return {
        text: choices[0]?.text ?? '',
        finished: done && choices[0]?.finish === 'stop',
        error: error?.['message'] ?? null,
        model: chunks.at(-1)?.['model'] ?? null,
        outputTokens: usage?.['completion_tokens'] ?? null,
      }
    },
  },
  messages: {
    path: () => '/api/v1/messages',
    body: (model) => ({ model, stream: true, messages: [message], max_tokens: 200 }),
    read: (stream) => {
      const { message: told, blocks, stop, usage, error, done } = readMessageStream(stream)
      return {
        text: blocks.map((block) => block['text'] ?? '').join(''),
        finished: done && stop === 'end_turn',
        error: error?.['error'].message ?? null,
        model: told['model'] ?? null,
        outputTokens: usage?.['output_tokens'] ?? null,
      }
    },
  },
  responses: {
    path: () => '/api/v1/responses',
    body: (model) => ({ model, stream: true, input: PROMPT, max_output_tokens: 200 }),
    read: (stream) => {
      const { text, status, error, usage } = readResponses(stream)
      const last = eventsOf(stream).at(-1)
      return {
        text,
        finished: status === 'completed',
        error: error?.['message'] ?? null,
        model: last?.['response']?.model ?? null,
        outputTokens: usage?.['output_tokens'] ?? null,
      }
    },
  },
  gemini: {
    path: (model) => `/v1beta/models/${model}:streamGenerateContent?alt=sse`,
    body: () => ({
      contents: [{ role: 'user', parts: [{ text: PROMPT }] }],
      generationConfig: { maxOutputTokens: 200 },
    }),
    read: (stream) => {
      const { choices, usage, error, chunks } = readGeminiStream(stream)
      return {
        text: choices[0]?.text ?? '',
        finished: choices[0]?.finish === 'STOP',
        error: error?.['message'] ?? null,
        model: chunks.at(-1)?.['modelVersion'] ?? null,
        outputTokens: usage?.['candidatesTokenCount'] ?? null,
      }
    },
  },
} as const satisfies Record<string, Surface>

export type SurfaceName = keyof typeof SURFACES

/** Asks for a streamed answer and waits for its end, however it ends; never rejects. A hang is cut after `patienceMs`. */
export function ask(
  gateway: { readonly url: string; readonly key: string },
  surface: SurfaceName,
  model: string,
  patienceMs: number,
): Promise<Seen> {
  const { path, body, read }: Surface = SURFACES[surface]
  const started = performance.now()
  return new Promise((resolve) => {
    let status = 0
    let id = ''
    let text = ''
    const finish = (broken: string | null) => {
      clearTimeout(timer)
      const ms = performance.now() - started
      resolve({ ...reading(read, status, text, broken), status, id, ms })
    }
    const headers = { authorization: `Bearer ${gateway.key}`, 'content-type': 'application/json' }
    const call = request(`${gateway.url}${path(model)}`, { method: 'POST', headers }, (response) => {
      status = response.statusCode ?? 0
      id = String(response.headers['x-generation-id'] ?? '')
      response.setEncoding('utf8')
      response.on('data', (piece: string) => {
        text += piece
      })
      response.on('close', () => finish(response.complete ? null : 'the connection broke'))
    })
    const timer = setTimeout(() => call.destroy(new Error(`no end within ${patienceMs} ms`)), patienceMs)
    call.on('error', ({ message }) => finish(message))
    call.end(JSON.stringify(body(model)))
  })
}

const NOTHING: Reading = { text: '', finished: false, error: null, model: null, outputTokens: null }

function reading(read: Surface['read'], status: number, text: string, broken: string | null): Reading {
  if (broken !== null) return { ...NOTHING, error: broken }
  try {
    if (status === 200) return read(text)
    const told = JSON.parse(text) as { error?: { message?: string } }
    return { ...NOTHING, error: told.error?.message ?? text }
  } catch (error) {
    return { ...NOTHING, error: `unreadable: ${(error as Error).message}` }
  }
}
