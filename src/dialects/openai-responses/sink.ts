import type { ReplyMeta } from '../dialect.ts'
import { type Json, list, object } from '../json.ts'
import type { ToolOrigin } from './names.ts'

/** What items need of the writer: a place in the output and the way to the client. */
export interface Sink {
  readonly meta: ReplyMeta
  /** True when the client asked for summaries: it shows those, so reasoning is told as one. */
  readonly summaries: boolean
  readonly origins: ReadonlyMap<string, ToolOrigin>
  emit(type: string, fields: Json): void
  /** Puts a finished item into the output that begins at this place. */
  place(item: Json): number
  newId(prefix: string): string
}

/** An item that only carries what has to come back with the next turn. */
export function tellSeal(sink: Sink, sealed: string): void {
  const item = { type: 'reasoning', id: sink.newId('rs'), summary: [], encrypted_content: sealed }
  const output_index = sink.place(item)
  sink.emit('response.output_item.added', { output_index, item })
  sink.emit('response.output_item.done', { output_index, item })
}

/** Log probabilities of a delta as this wire lists them. */
export const logprobsOf = (logprobs: unknown): readonly unknown[] => list(object(logprobs)?.['content'])
