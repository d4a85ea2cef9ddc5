import type { ChatEvent } from '../../chat/index.ts'
import type { ReplyMeta } from '../dialect.ts'
import type { Json } from '../json.ts'
import { PartWriter } from './writer.ts'

/** A whole reply. An error in the events stands beside what was produced, whose candidates then end with OTHER. */
export function encodeReply(events: readonly ChatEvent[], meta: ReplyMeta): Json {
  const writer = new PartWriter(meta)
  const parts = new Map<number, Json[]>()
  const add = (choice: number, part: Json) => {
    const list = parts.get(choice)
    if (list === undefined) parts.set(choice, [part])
    else join(list, part)
  }
  for (const event of events) for (const { choice, part } of writer.push(event)) add(choice, part)
  const ends = writer.ends()
  for (const end of ends) for (const part of end.parts) add(end.choice, part)
  const candidates = ends.map(({ choice, rest }) => ({
    content: { parts: parts.get(choice) ?? [], role: 'model' },
    ...rest,
    index: choice,
  }))
  return { candidates, ...writer.facts, ...(writer.error !== null && { error: writer.error }) }
}

/** Pieces of one text are one part; a signature that comes after it stands on it. */
function join(parts: Json[], part: Json): void {
  const last = parts.at(-1)!
  const isPiece =
    typeof last['text'] === 'string' &&
    typeof part['text'] === 'string' &&
    last['thought'] === part['thought'] &&
    last['thoughtSignature'] === undefined
  if (isPiece) parts[parts.length - 1] = { ...last, ...part, text: `${last['text']}${part['text']}` }
  else parts.push(part)
}
