import { describe, expect, test } from 'vitest'
import { hasFixtures, recordedCases } from '../../../test/fixtures.ts'
import { chat, type Loose, target } from '../anthropic-messages/encode.fixture.ts'
import { anthropicMessages } from '../anthropic-messages/index.ts'
import { bedrockInvoke } from './index.ts'

const CLAUDE = 'eu.anthropic.claude-sonnet-4-6'

function sent(request: ReturnType<typeof chat>, upstreamId = CLAUDE) {
  const { body, path, headers, dropped } = bedrockInvoke.encodeRequest(request, target(upstreamId))
  return { body: JSON.parse(JSON.stringify(body)) as Loose, path, headers, dropped }
}

/** A request of a client of the Messages API. */
const own = (body: Loose, betas = '') =>
  anthropicMessages.decodeRequest(
    { model: 'a/b', max_tokens: 100, messages: [{ role: 'user', content: 'Hi' }], ...body },
    {
      path: '/messages',
      query: '',
      headers: (name) => (name === 'anthropic-beta' && betas ? betas : undefined),
    },
  )

describe('a request for Claude on Bedrock', () => {
  test('has the version inside, and model and stream in the path', () => {
    expect(sent(chat({ max_tokens: 9 }))).toEqual({
      path: '/model/eu.anthropic.claude-sonnet-4-6/invoke',
      headers: [],
      body: {
        anthropic_version: 'bedrock-2023-05-31',
        max_tokens: 9,
        messages: [{ role: 'user', content: [{ type: 'text', text: 'Hi' }] }],
      },
      dropped: [],
    })
    const { path, body } = sent(chat({ stream: true }), 'anthropic.claude-haiku-4-5-20251001-v1:0')
    expect(path).toBe('/model/anthropic.claude-haiku-4-5-20251001-v1%3A0/invoke-with-response-stream')
    expect(body).not.toHaveProperty('stream')
    expect(body).not.toHaveProperty('model')
  })

  test('keeps what Converse has no place for: cited documents, context management, strict tools', () => {
    const document = {
      type: 'document',
      source: { type: 'text', media_type: 'text/plain', data: 'Facts.' },
      citations: { enabled: true },
    }
    const body = {
      messages: [{ role: 'user', content: [document, { type: 'text', text: 'What?' }] }],
      context_management: { edits: [{ type: 'clear_tool_uses_20250919' }] },
      tools: [{ type: 'tool_search_tool_regex_20251119', name: 'tool_search' }],
    }
    const request = sent(own(body, 'context-management-2025-06-27,advanced-tool-use-2025-11-20'))
    expect(request.body).toMatchObject({
      ...body,
      anthropic_beta: ['context-management-2025-06-27', 'tool-search-tool-2025-10-19'],
    })
    expect(request.dropped).toEqual([])
  })

  test('names beta features that Bedrock does not know, which would be answered with an error', () => {
    const { body, dropped } = sent(own({}, 'oauth-2025-04-20, interleaved-thinking-2025-05-14'))
    expect(body['anthropic_beta']).toEqual(['interleaved-thinking-2025-05-14'])
    expect(dropped).toEqual([
      { parameter: 'anthropic-beta', reason: 'Amazon Bedrock does not know oauth-2025-04-20' },
    ])
  })

  test('asks for the beta of effort where the model needs it', () => {
    const request = chat({ verbosity: 'low', max_tokens: 5000 })
    expect(sent(request, 'anthropic.claude-opus-4-5-20251101-v1:0').body).toMatchObject({
      anthropic_beta: ['effort-2025-11-24'],
      output_config: { effort: 'low' },
    })
    expect(sent(request).body).not.toHaveProperty('anthropic_beta')
  })

  test('goes without server tools and fields that only Anthropic has, and names them', () => {
    const web = { type: 'web_search_20250305', name: 'web_search' }
    const mine = { name: 'mine', input_schema: { type: 'object' } }
    const { body, dropped } = sent(
      own({
        tools: [web, mine],
        tool_choice: { type: 'tool', name: 'web_search' },
        service_tier: 'auto',
        container: 'c',
      }),
    )
    expect(body['tools']).toEqual([mine])
    expect(body).not.toHaveProperty('tool_choice')
    expect(dropped.map(({ parameter }) => parameter)).toEqual(['container', 'service_tier', 'tools'])
    const alone = sent(own({ tools: [web], tool_choice: { type: 'auto' } }))
    expect(alone.body).not.toHaveProperty('tools')
    expect(alone.body).not.toHaveProperty('tool_choice')
  })

  test('marks the end of the prompt where caching by itself was asked for', () => {
    const marker = { type: 'ephemeral', ttl: '1h' }
    const request = { cache_control: marker, messages: [{ role: 'user', content: 'Hi' }] }
    const { body } = sent(own(request))
    expect(body['messages']).toEqual([
      { role: 'user', content: [{ type: 'text', text: 'Hi', cache_control: marker }] },
    ])
    expect(body).not.toHaveProperty('cache_control')
    expect(request.messages[0]!.content).toBe('Hi')
  })

  test('keeps a cache for an hour only with models that can', () => {
    const marked = (ttl?: string) => ({
      type: 'text',
      text: 'Be.',
      cache_control: { type: 'ephemeral', ...(ttl && { ttl }) },
    })
    const request = () =>
      own({ system: [marked('1h')], messages: [{ role: 'user', content: [marked('5m')] }] })
    expect(sent(request()).body).toMatchObject({ system: [marked('1h')] })
    const { body, dropped } = sent(request(), 'anthropic.claude-sonnet-4-20250514-v1:0')
    expect(body['system']).toEqual([marked()])
    expect(body['messages'][0].content).toEqual([marked()])
    expect(dropped.map(({ parameter }) => parameter)).toEqual(['cache_control'])
  })

  test('is refused with files that Bedrock would have to fetch, so that another endpoint is tried', () => {
    for (const source of [
      { type: 'url', url: 'https://x/y.png' },
      { type: 'file', file_id: 'f' },
    ]) {
      const content = [{ type: 'image', source }]
      const nested = [{ type: 'tool_result', tool_use_id: 't', content }]
      for (const blocks of [content, nested]) {
        expect(() => sent(own({ messages: [{ role: 'user', content: blocks }] }))).toThrow(
          expect.objectContaining({ code: 'unprocessable' }),
        )
      }
    }
  })

  test('carries guardrails as headers, and fields of the model as clients of Converse name them', () => {
    const { body, headers, dropped } = sent(
      chat({
        guardrailConfig: { guardrailIdentifier: 'abc', guardrailVersion: '1', trace: 'enabled' },
        additionalModelRequestFields: { top_k: 5 },
      }),
    )
    expect(headers).toEqual([
      ['x-amzn-bedrock-guardrailidentifier', 'abc'],
      ['x-amzn-bedrock-guardrailversion', '1'],
      ['x-amzn-bedrock-trace', 'ENABLED'],
    ])
    expect(body).not.toHaveProperty('guardrailConfig')
    expect(body['top_k']).toBe(5)
    expect(dropped).toEqual([])
    const forged = { guardrailConfig: { guardrailIdentifier: 'a\r\nx: y' } }
    expect(sent(chat(forged)).headers).toEqual([])
  })

  test('is counted by the model behind the profile', () => {
    const { encodeCount, decodeCount } = bedrockInvoke.counting!
    const { path, body } = encodeCount(chat({ max_tokens: 9, stream: true }), target(CLAUDE))
    expect(path).toBe('/model/anthropic.claude-sonnet-4-6/count-tokens')
    const { input } = body as { input: { invokeModel: { body: string } } }
    expect(JSON.parse(Buffer.from(input.invokeModel.body, 'base64').toString())).toEqual(
      sent(chat({ max_tokens: 9 })).body,
    )
    expect([decodeCount({ inputTokens: 12 }), decodeCount({ message: 'no' })]).toEqual([12, null])
  })

  test('can be asked to go on with an answer, where Claude does', () => {
    const at = target('eu.anthropic.claude-sonnet-4-5-20250929-v1:0')
    const encoded = bedrockInvoke.encodeRequest(chat({ max_tokens: 90 }), at)
    const prefix = { text: 'The answer', tokens: 3 }
    expect(bedrockInvoke.continueAnswer!(encoded, prefix, at)?.body).toMatchObject({
      max_tokens: 87,
      messages: [{ role: 'user' }, { role: 'assistant', content: 'The answer' }],
    })
  })

  test('extends itself byte by byte over 30 turns', () => {
    const messages: Loose[] = []
    let before = ''
    for (let turn = 1; turn <= 30; turn++) {
      messages.push(
        { role: 'user', content: `Question ${turn}` },
        {
          role: 'assistant',
          content: null,
          tool_calls: [
            { id: `c${turn}`, type: 'function', function: { name: 'read', arguments: '{"b":1,"a":2}' } },
          ],
        },
        { role: 'tool', tool_call_id: `c${turn}`, content: `result ${turn}` },
      )
      const bytes = JSON.stringify(sent(chat({ messages })).body)
      // Without the brackets that close the last turn.
      expect(bytes.startsWith(before.slice(0, -4))).toBe(true)
      before = bytes
    }
  })
})

/** Bodies of InvokeModel with another model's format, or the one before the Messages API. */
const OTHERS = 3

test.skipIf(!hasFixtures)('recorded requests of the Messages format go out as they were recorded', () => {
  const cases = recordedCases().filter(({ folder }) => folder === 'bedrock-invoke')
  const messages = cases.filter(({ request }) => Array.isArray((request.body as Loose | null)?.['messages']))
  expect(cases).toHaveLength(messages.length + OTHERS)
  for (const { request, id } of messages) {
    const upstreamId = decodeURIComponent(request.url_path!.split('/')[2]!)
    const body = request.body as Loose
    const again = sent(own(body), upstreamId)
    expect(again.path, id).toBe(`/model/${encodeURIComponent(upstreamId)}/invoke`)
    const { temperature: _t, top_p: _p, ...rest } = body
    expect(again.body, id).toMatchObject(rest)
  }
})
