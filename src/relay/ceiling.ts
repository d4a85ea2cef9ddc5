import type { ChatRequest, Dropped } from '../chat/index.ts'

/** The request as an endpoint is asked that gives at most `maxOutput` tokens; a limit that had to be lowered is named. */
export function withinLimit(
  request: ChatRequest,
  maxOutput: number | null,
): { readonly chat: ChatRequest; readonly lowered: readonly Dropped[] } {
  const { limitIsCeiling, maxOutputTokens } = request
  if (!limitIsCeiling || maxOutput === null || maxOutputTokens === null || maxOutputTokens <= maxOutput)
    return { chat: request, lowered: [] }
  const reason = `lowered to ${maxOutput}, the most that the endpoint gives`
  return {
    chat: { ...request, maxOutputTokens: maxOutput },
    lowered: [{ parameter: 'max_tokens', reason }],
  }
}
