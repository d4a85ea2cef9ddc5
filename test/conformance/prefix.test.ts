import { describe, expect, test } from 'vitest'
import type { Block, BlockDelta, ChatEvent } from '../../src/chat/index.ts'
import { NO_USAGE } from '../../src/chat/index.ts'
import type { Quirks, ReplyMeta, UpstreamDialect } from '../../src/dialects/index.ts'
import { DIALECTS, UPSTREAM_DIALECTS } from '../../src/dialects/registry.ts'
import type { Json } from './answer.ts'
import { type ClientSurface, SURFACES } from './surfaces/index.ts'

const TURNS = 30
const TOOLS = Array.from({ length: 25 }, (_, i) => `tool_${25 - i}`)

/** A model of each format that reasons, with the family of its reasoning. */
const MODELS: Readonly<Record<string, readonly [upstreamId: string, family: string]>> = {
  'openai-chat': ['some/model', 'unknown'],
  'openai-responses': ['gpt-5.6', 'openai-responses-v1'],
  'anthropic-messages': ['claude-sonnet-4-6', 'anthropic-claude-v1'],
  gemini: ['gemini-3-pro-preview', 'google-gemini-v1'],
  'bedrock-converse': ['us.anthropic.claude-sonnet-4-6', 'anthropic-claude-v1'],
  'bedrock-invoke': ['us.anthropic.claude-sonnet-4-6', 'anthropic-claude-v1'],
  cohere: ['command-a-reasoning-08-2025', 'unknown'],
  'vertex-messages': ['claude-sonnet-4-6', 'anthropic-claude-v1'],
}

/** What the model answers in a turn: thoughts and a text, and two calls in three of four turns. */
function answer(turn: number, family: string): ChatEvent[] {
  let index = 0
  const block = (of: Block, ...deltas: BlockDelta[]): ChatEvent[] => {
    const at = index++
    return [
      { type: 'block-start', index: at, block: of },
      ...deltas.map((delta): ChatEvent => ({ type: 'block-delta', index: at, delta })),
      { type: 'block-stop', index: at },
    ]
  }
  const call = (name: string) =>
    block(
      { kind: 'tool', id: `call_${turn}_${name}`, name },
      { kind: 'args', json: JSON.stringify({ turn, z: 'ä"\n', a: [1.5, null] }) },
      ...(family === 'google-gemini-v1'
        ? [{ kind: 'signature', signature: `c${turn}${name}=` } as const]
        : []),
    )
  const thought = block(
    { kind: 'reasoning', format: family, id: `rs_${turn}` },
    ...(family === 'openai-responses-v1'
      ? [{ kind: 'encrypted', data: `gAAA${turn}` } as const]
      : [{ kind: 'reasoning', text: `Hm ${turn}.` } as const]),
    ...(family === 'anthropic-claude-v1' ? [{ kind: 'signature', signature: `Sig${turn}=` } as const] : []),
  )
  const calls = turn % 4 === 3 ? [] : [...call('tool_3'), ...call('tool_1')]
  return [
    { type: 'start', id: `up-${turn}`, model: 'm' },
    ...thought,
    ...(turn % 5 === 4 ? [] : block({ kind: 'text' }, { kind: 'text', text: `Turn ${turn} 🚀` })),
    ...calls,
    { type: 'finish', reason: calls.length > 0 ? 'tool_calls' : 'stop', native: null },
    { type: 'usage', usage: NO_USAGE },
  ]
}

/** The bodies that a provider is sent while a conversation grows, each turn as its client keeps it. */
function bodiesOf(surface: ClientSurface, upstream: UpstreamDialect, quirks: Quirks = {}): Json[] {
  const client = DIALECTS.get(surface.dialect)!
  const [upstreamId, family] = MODELS[upstream.id]!
  const target = { upstreamId, maxOutput: 8192, quirks, supportedParameters: null }
  const turn: Json[] = []
  return Array.from({ length: TURNS }, (_, n) => {
    const question = { model: 'a/b', stream: false, tools: TOOLS, choices: 1, turn: [...turn] }
    const path = surface.path(question).replace('/api', '')
    const request = client.decodeRequest(surface.body(question), { path, query: '' })
    const meta: ReplyMeta = {
      id: `gen-${n}`,
      created: n,
      model: 'a/b',
      provider: 'P',
      hideReasoning: false,
      request,
    }
    turn.push(...surface.turn(JSON.stringify(client.encodeReply(answer(n, family), meta)), false))
    return upstream.encodeRequest(request, target).body as Json
  })
}

const LISTS = ['messages', 'input', 'contents']

/** Everything but the conversation, and the conversation's bytes up to its last element. */
function partsOf(body: Json): { rest: string; list: string } {
  const key = LISTS.find((name) => Array.isArray(body[name]))!
  return { rest: JSON.stringify({ ...body, [key]: null }), list: JSON.stringify(body[key]).slice(0, -1) }
}

const clients = SURFACES.filter(({ dialect }) => DIALECTS.has(dialect))

test('every format that providers speak is here', () => {
  expect(Object.keys(MODELS).toSorted()).toEqual([...UPSTREAM_DIALECTS.keys()].toSorted())
  expect(clients.map(({ dialect }) => dialect).toSorted()).toEqual([...DIALECTS.keys()].toSorted())
})

describe.each(clients.map((surface) => [surface.name, surface] as const))(
  'from a %s client',
  (_, surface) => {
    test.each([...UPSTREAM_DIALECTS])(
      `a conversation of ${TURNS} turns only ever adds bytes at its end, for %s`,
      (_id, upstream) => expectGrowing(bodiesOf(surface, upstream)),
    )

    test.each(['content', 'reasoning', 'details'] as const)(
      'the same for a provider of Chat Completions that takes reasoning back as %s',
      (as) =>
        expectGrowing(bodiesOf(surface, UPSTREAM_DIALECTS.get('openai-chat')!, { replayReasoning: as })),
    )
  },
)

function expectGrowing(bodies: readonly Json[]): void {
  for (const [n, body] of bodies.entries()) {
    if (n === 0) continue
    const [before, now] = [partsOf(bodies[n - 1]!), partsOf(body)]
    expect(now.rest).toBe(before.rest)
    expect(now.list.slice(0, before.list.length + 1)).toBe(`${before.list},`)
  }
  const last = JSON.stringify(bodies.at(-1))
  for (let n = 0; n < TURNS - 1; n++) expect(last.includes(`call_${n}_tool_3`)).toBe(n % 4 !== 3)
  expect(last.indexOf('tool_25')).toBeLessThan(last.indexOf('tool_24'))
}
