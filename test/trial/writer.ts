/** Trial readings for the proof in `src/dialects/fold.test.ts` only: recorded traffic of dialects that do not stand here yet, as events. */

import { type Block, type ChatEvent, type FinishReason, NO_USAGE, type Usage } from '../../src/chat/index.ts'
import { sseData } from '../chat-client.ts'
import { type RecordedCase, responseBytes } from '../fixtures.ts'

// biome-ignore lint/suspicious/noExplicitAny: foreign JSON, read as loosely as a script would
export type Json = Record<string, any>

/** What must survive, joined over the answer. */
export interface Reading {
  text: string
  reasoning: string
  signatures: string
  encrypted: string
  tools: [name: string, args: unknown][]
  /** Blocks of the provider's own tools and such. */
  others: number
  citations: number
  tokens: [prompt: number, completion: number, cacheRead: number] | null
  stop: string | null
  error: boolean
}

export const empty = (): Reading => ({
  text: '',
  reasoning: '',
  signatures: '',
  encrypted: '',
  tools: [],
  others: 0,
  citations: 0,
  tokens: null,
  stop: null,
  error: false,
})

/** Writes events with running block numbers by any key the dialect numbers its blocks with. */
export class Writer {
  readonly events: ChatEvent[] = []
  private readonly open = new Map<string, number>()
  private readonly filled = new Set<string>()
  private size = 0

  block(key: string, block: Block): void {
    if (this.open.has(key)) return
    this.open.set(key, this.size)
    this.events.push({ type: 'block-start', index: this.size++, block })
  }

  add(key: string, delta: (ChatEvent & { type: 'block-delta' })['delta'] | false): void {
    if (delta) this.filled.add(key)
    if (delta !== false) this.events.push({ type: 'block-delta', index: this.open.get(key)!, delta })
  }

  /** Has the block been given anything? */
  has(key: string): boolean {
    return this.filled.has(key)
  }

  close(key: string): void {
    const index = this.open.get(key)
    if (index === undefined) return
    this.open.delete(key)
    this.events.push({ type: 'block-stop', index })
  }

  cite(raw: Json): void {
    const citation = {
      url: raw['url'] ?? null,
      title: raw['title'] ?? null,
      text: null,
      start: null,
      end: null,
      raw,
    }
    this.events.push({ type: 'citation', citation })
  }

  end(native: string | null, reasons: Readonly<Record<string, FinishReason>>, details?: unknown): void {
    for (const key of [...this.open.keys()]) this.close(key)
    if (native) this.events.push({ type: 'finish', reason: reasons[native] ?? 'stop', native, details })
  }

  usage(usage: Partial<Usage>, raw: unknown): void {
    this.events.push({ type: 'usage', usage: { ...NO_USAGE, ...usage }, raw })
  }

  error(message: string): void {
    this.events.push({
      type: 'error',
      error: { code: 'provider_unavailable', status: 200, message, providerCode: null, retryAfterMs: null },
    })
  }
}

export const eventsOf = (recorded: RecordedCase): Json[] =>
  recorded.response.kind === 'sse'
    ? sseData(responseBytes(recorded).toString())
        .filter((data) => data !== '[DONE]')
        .map((data) => JSON.parse(data))
    : [recorded.response.body as Json].flat()
