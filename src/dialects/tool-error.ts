import type { ChatMessage, ContentPart } from '../chat/index.ts'

/**
 * First line of a failed tool's result in formats that have no field for it. Models read it as it stands; the guide to
 * the formats names it.
 */
export const TOOL_FAILED = '[The tool failed.]'

/**
 * The content of a message for a format whose results of tools cannot be marked as errors: that of a failed tool begins
 * with a line that says so. The very same list for every other message.
 */
export function contentWithFailure({ role, content, isError }: ChatMessage): readonly ContentPart[] {
  if (role !== 'tool' || isError !== true) return content
  const [first, ...rest] = content
  if (first?.kind !== 'text') return [{ kind: 'text', text: TOOL_FAILED }, ...content]
  return [{ ...first, text: `${TOOL_FAILED}\n${first.text}` }, ...rest]
}
