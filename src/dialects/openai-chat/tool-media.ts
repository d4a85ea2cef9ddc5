import type { Json } from '../json.ts'

/** Stands where the text of a result would be that holds only images or files. */
const BELOW = '(The result follows in the next message.)'

/**
 * Results of tools hold text only in this format: images and files of theirs go into one user message behind the run of
 * results they belong to. Returns the same array when no result holds any.
 */
export function moveToolMedia(messages: readonly Json[]): readonly Json[] {
  if (!messages.some((message) => message['role'] === 'tool' && mediaOf(message).length > 0)) return messages
  const moved: Json[] = []
  let media: Json[] = []
  const settle = () => {
    if (media.length > 0) moved.push({ role: 'user', content: media })
    media = []
  }
  for (const message of messages) {
    const found = message['role'] === 'tool' ? mediaOf(message) : []
    if (message['role'] !== 'tool') settle()
    media.push(...found)
    moved.push(found.length === 0 ? message : { ...message, content: textOf(message['content'] as Json[]) })
  }
  settle()
  return moved
}

const mediaOf = ({ content }: Json): Json[] =>
  Array.isArray(content) ? (content as Json[]).filter(({ type }) => type !== 'text') : []

function textOf(content: readonly Json[]): unknown {
  const texts = content.filter(({ type }) => type === 'text')
  return texts.length === 0 ? BELOW : texts
}
