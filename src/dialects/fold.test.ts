/**
 * The union of events is held against recorded traffic of the dialects that do not stand here yet: trial readings fold
 * each of them into events, and what a plain look at the recording finds must be found in the sum. The readings are
 * for this proof only; real dialects replace them.
 */
import { describe, expect, test } from 'vitest'
import { hasFixtures, type RecordedCase, recordedCases, WITHOUT_FIXTURES } from '../../test/fixtures.ts'
import { anthropicEvents, readAnthropic } from '../../test/trial/anthropic.ts'
import { bedrockEvents, readBedrock } from '../../test/trial/bedrock.ts'
import { geminiEvents, readGemini } from '../../test/trial/gemini.ts'
import { readResponses, responsesEvents } from '../../test/trial/responses.ts'
import type { Json, Reading } from '../../test/trial/writer.ts'
import type { Block, ChatEvent } from '../chat/index.ts'
import type { ReplyMeta } from './dialect.ts'
import { type FoldedBlock, fold } from './fold.ts'
import { openaiChat } from './openai-chat/index.ts'

/** What the events hold, in the same terms. */
function readEvents(events: readonly ChatEvent[]): Reading {
  const answer = fold(events)
  const choice = answer.choices.get(0)
  const blocks = choice?.blocks ?? []
  const join = (part: (block: FoldedBlock) => string, ...kinds: Block['kind'][]) =>
    blocks
      .filter(({ block }) => kinds.length === 0 || kinds.includes(block.kind))
      .map(part)
      .join('')
  const { usage } = answer
  return {
    text: join(({ text }) => text, 'text', 'refusal'),
    reasoning: join(({ text, summary }) => summary + text, 'reasoning'),
    signatures: join(({ signature }) => signature),
    encrypted: join(({ encrypted }) => encrypted),
    tools: blocks.flatMap(({ block, args }) =>
      block.kind === 'tool' ? [[block.name, JSON.parse(args || '{}')]] : [],
    ),
    others: blocks.filter(({ block }) => block.kind === 'server-tool' || block.kind === 'opaque').length,
    citations: choice?.citations.length ?? 0,
    tokens: usage === null ? null : [usage.promptTokens, usage.completionTokens, usage.cacheReadTokens],
    stop: choice?.finish?.native ?? null,
    error: answer.error !== null,
  }
}

const dialects: [
  string,
  number,
  (recorded: RecordedCase) => boolean,
  (recorded: RecordedCase) => ChatEvent[],
  (recorded: RecordedCase) => Reading,
][] = [
  [
    'Anthropic Messages',
    27,
    ({ folder, request }) => folder === 'anthropic' && request.url_path!.endsWith('/messages'),
    anthropicEvents,
    readAnthropic,
  ],
  [
    'Gemini and Vertex',
    25,
    ({ request }) => /enerateContent$/.test(request.url_path ?? ''),
    geminiEvents,
    readGemini,
  ],
  ['Bedrock Converse', 19, ({ folder }) => folder === 'bedrock-converse', bedrockEvents, readBedrock],
  [
    'OpenAI Responses',
    38,
    ({ request }) => (request.url_path ?? '').endsWith('/responses'),
    responsesEvents,
    readResponses,
  ],
]

const meta: ReplyMeta = { id: 'gen-1', created: 1, model: 'a/b', provider: 'P', hideReasoning: false }

describe.skipIf(!hasFixtures).each(dialects)(
  `recorded %s${hasFixtures ? '' : ` [${WITHOUT_FIXTURES}]`}`,
  (name, cases, isOf, toEvents, read) => {
    const recordings = recordedCases().filter(
      (recorded) => recorded.response.status === 200 && isOf(recorded),
    )

    test('are all looked at', () => {
      console.log(`${name}: ${recordings.length} recordings folded`)
      expect(recordings).toHaveLength(cases)
    })

    test.each(recordings.map((recorded) => [recorded.id, recorded] as const))('%s', (_, recorded) => {
      const events = toEvents(recorded)
      const got = readEvents(events)
      expect(got).toEqual(read(recorded))
      // Only a refusal may say nothing.
      if (got.stop !== 'refusal') expect(got.text + got.reasoning + JSON.stringify(got.tools)).not.toBe('[]')
      // And the client of another dialect gets text, tools and reasoning of it.
      const reply = JSON.parse(JSON.stringify(openaiChat.encodeReply(events, meta))) as Json
      const { message } = reply['choices'][0]
      const blocks = fold(events).choices.get(0)!.blocks
      const said = (kind: Block['kind']) =>
        blocks
          .filter(({ block }) => block.kind === kind)
          .map(({ text }) => text)
          .join('')
      expect(message.content ?? '').toBe(said('text'))
      expect(
        (message.tool_calls ?? []).map((call: Json) => [
          call['function'].name,
          JSON.parse(call['function'].arguments || '{}'),
        ]),
      ).toEqual(got.tools)
      const details = JSON.stringify(message.reasoning_details ?? [])
      for (const { signature, encrypted } of blocks)
        expect(details).toContain(JSON.stringify(signature || encrypted).slice(1, -1))
    })
  },
)
