import type { RecordedCase } from '../../fixtures.ts'
import { readGemini } from '../../trial/gemini.ts'
import { eventsOf as jsonEvents } from '../../trial/writer.ts'
import { type Answer, cited, type Finish, type Json } from '../answer.ts'
import { failureInside } from './errors.ts'

/** Arguments that came in fragments, put together by hand. */
const FRAGMENTS =
  'gemini/parallel-tools-stream-google-stream-tool-call-arguments-chunks-gemini-3.1-pro-preview'

export function toldInGemini(recorded: RecordedCase): Answer {
  const read = readGemini(recorded)
  const chunks = jsonEvents(recorded)
  const blocked = chunks.find((chunk) => chunk['promptFeedback']?.blockReason)
  const candidates: Json[] = chunks.flatMap((chunk) => chunk['candidates'] ?? [])
  const parts: Json[] = candidates.flatMap((it) => it['content']?.parts ?? [])
  const sources: Json[] = candidates.flatMap((it) => it['groundingMetadata']?.groundingChunks ?? [])
  const usage = chunks.findLast((chunk) => chunk['usageMetadata'])?.['usageMetadata']
  const tools = read.tools.map(([name, args]) => ({ name, args }))
  if (recorded.id === FRAGMENTS) {
    tools.splice(
      0,
      tools.length,
      ...['Boston', 'San Francisco'].map((location) => ({ name: 'getWeather', args: { location } })),
    )
  }
  const stop = read.stop
  const finish: Finish | null =
    stop === 'STOP'
      ? tools.length > 0
        ? 'tool_calls'
        : 'stop'
      : stop === 'MAX_TOKENS'
        ? 'length'
        : 'content_filter'
  const failed = blocked ? { code: 400, type: 'content_filter' } : stop === 'UNEXPECTED_TOOL_CALL' ? {} : null
  return {
    choices: [
      {
        text: read.text,
        reasoning: read.reasoning,
        tools,
        proofs: parts.flatMap((part) => part['thoughtSignature'] ?? []),
        citations: cited(sources.map((it) => it['web']?.uri ?? it['retrievedContext']?.uri)),
        finish: failed === null ? finish : null,
      },
    ],
    usage: read.tokens && {
      prompt: read.tokens[0],
      completion: read.tokens[1],
      cacheRead: read.tokens[2],
      cacheWrite: 0,
      reasoning: usage?.thoughtsTokenCount ?? 0,
    },
    error: failed === null ? null : failureInside(failed),
  }
}
