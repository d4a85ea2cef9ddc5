import { describe, expect, test } from 'vitest'
import { type ChatRequest, type ContentPart, GatewayError } from '../../src/chat/index.ts'
import type { UpstreamDialect } from '../../src/dialects/index.ts'
import { DIALECTS, UPSTREAM_DIALECTS } from '../../src/dialects/registry.ts'
import { hasFixtures, WITHOUT_FIXTURES } from '../fixtures.ts'
import type { Json } from './answer.ts'
import { conversationCases } from './cases.ts'

/** A model of each format that takes all of it. */
const MODELS: Readonly<Record<string, string>> = {
  'openai-responses': 'gpt-5.6',
  'anthropic-messages': 'claude-sonnet-4-6',
  'vertex-messages': 'claude-sonnet-4-6',
  gemini: 'gemini-3-pro-preview',
  'bedrock-converse': 'us.anthropic.claude-sonnet-4-6',
  'bedrock-invoke': 'us.anthropic.claude-sonnet-4-6',
  cohere: 'command-a-vision-07-2025',
}

/** Hosts of Claude take requests of its own format as they are. */
const NATIVE: Readonly<Record<string, string>> = {
  'bedrock-invoke': 'anthropic-messages',
  'vertex-messages': 'anthropic-messages',
}

const requests = conversationCases().flatMap(({ format, recorded }) => {
  const dialect = DIALECTS.get(format)
  if (dialect === undefined || recorded.request.body === null || recorded.id.startsWith('constructed/'))
    return []
  const path = format === 'gemini' ? '/v1beta/models/a/b:generateContent' : '/v1/anything'
  const body = { ...(recorded.request.body as Json), model: 'a/b' }
  return [{ id: recorded.id, chat: dialect.decodeRequest(body, { path, query: '' }) }]
})

/** Strings and numbers in any order and nesting. */
function leaves(value: unknown, into: Set<string>): Set<string> {
  if (typeof value === 'object' && value !== null) for (const each of Object.values(value)) leaves(each, into)
  else if (value !== null && value !== undefined) into.add(String(value))
  return into
}

/** What a provider has to be told of a part: words, names and arguments, and where media are or what they hold. */
function contentOf(part: ContentPart): unknown[] {
  switch (part.kind) {
    case 'text':
    case 'refusal':
      return [part.text]
    case 'image':
    case 'video':
      return [part.url.replace(/^data:[^,]*,/, '')]
    case 'audio':
      return [part.data]
    case 'file':
      return [(part.data ?? part.fileId ?? '').replace(/^data:[^,]*,/, '')]
    case 'tool-call':
      return [part.name, ...leaves(argsOf(part.args), new Set())]
    case 'reasoning':
    case 'opaque':
      return []
    default:
      return part satisfies never
  }
}

function argsOf(args: string): unknown {
  try {
    return JSON.parse(args)
  } catch {
    return args
  }
}

/** Everything of a request that a provider does not find in its body, white space at the edges aside. */
function missing(chat: ChatRequest, to: UpstreamDialect): { lost: string[]; named: string[] } {
  const quirks = { replayReasoning: 'details', cacheControl: true } as const
  const target = { upstreamId: MODELS[to.id] ?? 'm', maxOutput: 8192, quirks, supportedParameters: null }
  const { body, dropped } = to.encodeRequest(chat, target)
  const sent = [...leaves(body, new Set())].join('\n')
  const parts = chat.messages().flatMap(({ content }) => content)
  const tools = chat.tools().flatMap(({ name, description = '' }) => [name, description])
  const wanted = [...parts.flatMap(contentOf), ...tools].map((it) => String(it).trim())
  return {
    lost: wanted.filter((it) => !isIn(sent, it)).map((it) => it.slice(0, 80)),
    named: dropped.map(({ parameter }) => parameter),
  }
}

/** As it is, as the text that a file holds, or as the JSON that a text is. */
function isIn(sent: string, wanted: string): boolean {
  if (sent.includes(wanted)) return true
  if (sent.includes(Buffer.from(wanted, 'base64').toString().trim() || wanted)) return true
  const parsed = argsOf(wanted)
  return typeof parsed === 'object' && [...leaves(parsed, new Set())].every((it) => sent.includes(it))
}

describe.skipIf(!hasFixtures)(hasFixtures ? 'what a recorded request says' : WITHOUT_FIXTURES, () => {
  test.each([...UPSTREAM_DIALECTS])(
    'reaches a provider of %s whole, or is named, or refused by name',
    (_, to) => {
      let carried = 0
      // What came in this format is not translated: identity.test.ts sees to that.
      const foreign = requests.filter(({ chat }) => chat.dialect !== (NATIVE[to.id] ?? to.id))
      for (const { id, chat } of foreign) {
        try {
          const { lost, named } = missing(chat, to)
          const silent =
            lost.length > 0 && !named.some((name) => /^(messages|input_audio|video_url|file)/.test(name))
          expect(silent ? { id, lost, named } : null).toBeNull()
          carried++
        } catch (thrown) {
          // A medium that the API cannot take, so that another endpoint may.
          if (!(thrown instanceof GatewayError)) throw thrown
        }
      }
      expect(carried).toBeGreaterThan(foreign.length * 0.8)
    },
  )
})
