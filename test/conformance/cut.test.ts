import fc from 'fast-check'
import { describe, expect, test } from 'vitest'
import { type Cost, NO_USAGE, type Usage } from '../../src/chat/index.ts'
import { chunkMessage } from '../../src/dialects/bedrock-invoke/event-stream.fixture.ts'
import type { ReplyMeta, UpstreamDialect } from '../../src/dialects/index.ts'
import { pipeFor } from '../../src/dialects/pipe.ts'
import { CLIENT_DIALECTS, UPSTREAM_DIALECTS } from '../../src/dialects/registry.ts'
import { sseData } from '../chat-client.ts'
import { hasFixtures, rechunk, responseBytes, seeded, WITHOUT_FIXTURES } from '../fixtures.ts'
import { through } from '../through.ts'
import { type Case, conversationCases } from './cases.ts'
import { type ClientSurface, SURFACES } from './surfaces/index.ts'

const RUNS = 150
const meta: ReplyMeta = { id: 'gen-1', created: 1, model: 'a/b', provider: 'P', hideReasoning: false }
/** What the relay tells where the provider told nothing. */
const ESTIMATE: Usage = { ...NO_USAGE, promptTokens: 1, source: 'estimated' }
const cost: Cost = { totalNanos: 5n, upstreamPromptNanos: 2n, upstreamCompletionNanos: 3n, isByok: false }

/** Claude on other clouds: Anthropic's recordings, on Bedrock in frames of its own. */
const RECORDED_AS: Readonly<Record<string, string>> = {
  'bedrock-invoke': 'anthropic-messages',
  'vertex-messages': 'anthropic-messages',
}

/** Two answers of Cerebras in one recording: after the first one's finish nobody can tell that more was to come. */
const TWO_IN_ONE = 'cerebras/reasoning-and-tools-stream-cererebras-structured-output-tools-1-chunks'

const cases = conversationCases().filter(({ recorded }) => recorded.id !== TWO_IN_ONE)

/** Streams of a format, with one candidate each. */
const streamsOf = (format: string): Case[] =>
  cases.filter(
    ({ format: of, recorded, told }) =>
      of === (RECORDED_AS[format] ?? format) &&
      recorded.response.status === 200 &&
      recorded.response.kind !== 'json' &&
      told.choices.length <= 1,
  )

function bytesOf(format: string, { recorded }: Case): Buffer {
  const bytes = responseBytes(recorded)
  return format === 'bedrock-invoke' ? Buffer.concat(sseData(bytes.toString()).map(chunkMessage)) : bytes
}

/** Sends what is left of a stream and ends it as the relay does; the client's text, null when nothing was to be told. */
function cutShort(
  upstream: UpstreamDialect,
  surface: ClientSurface,
  bytes: Buffer,
  seed: number,
): string | null {
  const client = CLIENT_DIALECTS.get(surface.dialect)!
  const { text, pipe } = through(
    pipeFor(upstream, client, meta, true),
    rechunk(bytes, seed, 400),
    cost,
    ESTIMATE,
  )
  const { finish, error, content } = pipe.seen
  // A failure before any content is an HTTP error.
  return content || (finish !== null && error === null) ? text : null
}

describe.skipIf(!hasFixtures)(hasFixtures ? 'a stream that is cut at any byte' : WITHOUT_FIXTURES, () => {
  describe.each([...UPSTREAM_DIALECTS])('of %s', (id, upstream) => {
    const streams = streamsOf(id)
    test.each(SURFACES.map((surface) => [surface.name, surface] as const))(
      'ends in exactly one error or finish and one usage for %s',
      (_, surface) => {
        let seen = 0
        fc.assert(
          fc.property(fc.nat(), (seed) => {
            const random = seeded(seed)
            const at = Math.floor(random() * streams.length)
            const { told } = streams[at]!
            const all = bytesOf(id, streams[at]!)
            const bytes = all.subarray(0, Math.round(all.length * random()))
            const text = cutShort(upstream, surface, bytes, at)
            if (text === null) return
            seen++
            const { error, usage, choices } = surface.read(
              text,
              true,
              (RECORDED_AS[id] ?? id) === surface.dialect,
            )
            expect((error === null ? 0 : 1) + choices.filter(({ finish }) => finish !== null).length).toBe(1)
            // What is told is the beginning of what the provider said; without an error it is all of it.
            const [whole, part] = [told.choices[0]?.text ?? '', choices[0]?.text ?? '']
            expect(error === null ? part : whole.slice(0, part.length)).toBe(error === null ? whole : part)
            // An error of Messages has no place for it.
            expect(usage === null).toBe(error !== null && surface.dialect === 'anthropic-messages')
          }),
          { numRuns: RUNS },
        )
        expect(seen).toBeGreaterThan(0)
      },
    )
  })
})
