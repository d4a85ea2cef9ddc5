import fc from 'fast-check'
import { describe, expect, test } from 'vitest'
import type { ChatRequest } from '../../chat/index.ts'
import type { WireTarget } from '../dialect.ts'
import type { Json } from '../json.ts'
import { openaiChat } from '../openai-chat/index.ts'
import { encodeRequest } from './request.ts'

const CLAUDE = 'us.anthropic.claude-sonnet-4-6'
const OLD_CLAUDE = 'anthropic.claude-3-7-sonnet-20250219-v1:0'
const NOVA = 'us.amazon.nova-2-lite-v1:0'
const LLAMA = 'us.meta.llama3-3-70b-instruct-v1:0'
const GLM = 'zai.glm-4.7-flash'

const decode = (fields: Json): ChatRequest =>
  openaiChat.decodeRequest(
    { model: 'a/b', messages: [{ role: 'user', content: 'hi' }], ...fields },
    { path: '', query: '' },
  )
const targetOf = (upstreamId: string, supportedParameters: string[] | null = null): WireTarget => ({
  upstreamId,
  maxOutput: 64_000,
  quirks: {},
  supportedParameters,
})
const encode = (fields: Json, upstreamId = CLAUDE, supported: string[] | null = null) =>
  encodeRequest(decode(fields), targetOf(upstreamId, supported))
const bodyOf = (...args: Parameters<typeof encode>): Json => encode(...args).body as Json
const droppedOf = (...args: Parameters<typeof encode>): string[] =>
  encode(...args).dropped.map(({ parameter }) => parameter)
const messagesOf = (messages: Json[], upstreamId = CLAUDE, rest: Json = {}) =>
  bodyOf({ messages, ...rest }, upstreamId)['messages'] as { role: string; content: Json[] }[]

const WEATHER = {
  type: 'function',
  function: { name: 'weather', description: 'W', parameters: { type: 'object', properties: {} } },
}
const CALL = { id: 'call.1', type: 'function', function: { name: 'weather', arguments: '{"city":"Oslo"}' } }
const PNG = 'data:image/png;base64,iVBORw=='

describe('the address', () => {
  test('holds the id of the model encoded, ARNs too', () => {
    expect(encode({}).path).toBe(`/model/${CLAUDE}/converse`)
    expect(encode({ stream: true }, OLD_CLAUDE).path).toBe(
      '/model/anthropic.claude-3-7-sonnet-20250219-v1%3A0/converse-stream',
    )
    expect(encode({}, 'arn:aws:bedrock:us-east-1:1:application-inference-profile/ab').path).toBe(
      '/model/arn%3Aaws%3Abedrock%3Aus-east-1%3A1%3Aapplication-inference-profile%2Fab/converse',
    )
  })
})

describe('a conversation', () => {
  test('keeps system prompts apart and joins neighbours; calls and results keep their ids', () => {
    const body = bodyOf({
      messages: [
        { role: 'system', content: 'Be brief.' },
        { role: 'developer', content: 'Really.' },
        { role: 'user', content: 'Weather?' },
        { role: 'assistant', content: 'Looking.', tool_calls: [CALL, { ...CALL, id: 'b' }] },
        { role: 'tool', tool_call_id: 'call.1', content: 'cold' },
        { role: 'tool', tool_call_id: 'b', content: '' },
        { role: 'user', name: 'Ann', content: 'And?' },
      ],
      tools: [WEATHER],
    })
    expect(body['system']).toEqual([{ text: 'Be brief.' }, { text: 'Really.' }])
    const toolUse = { toolUseId: 'call_1', name: 'weather', input: { city: 'Oslo' } }
    expect(body['messages']).toEqual([
      { role: 'user', content: [{ text: 'Weather?' }] },
      {
        role: 'assistant',
        content: [{ text: 'Looking.' }, { toolUse }, { toolUse: { ...toolUse, toolUseId: 'b' } }],
      },
      {
        role: 'user',
        content: [
          { toolResult: { toolUseId: 'call_1', content: [{ text: 'cold' }] } },
          { toolResult: { toolUseId: 'b', content: [{ text: '(no output)' }] } },
          { text: 'Ann: And?' },
        ],
      },
    ])
    expect(body['toolConfig']).toEqual({
      tools: [
        {
          toolSpec: {
            name: 'weather',
            description: 'W',
            inputSchema: { json: { type: 'object', properties: {} } },
          },
        },
      ],
    })
  })

  test('with calls declares their tools even when the request has none', () => {
    const messages = [
      { role: 'user', content: 'x' },
      { role: 'assistant', content: null, tool_calls: [CALL] },
      { role: 'tool', tool_call_id: 'call.1', content: 'cold' },
    ]
    const config = { tools: [{ toolSpec: { name: 'weather', inputSchema: { json: { type: 'object' } } } }] }
    expect(bodyOf({ messages })['toolConfig']).toEqual(config)
    expect(droppedOf({ messages, tools: [WEATHER], tool_choice: 'none' })).toEqual(['tool_choice'])
    expect(bodyOf({ tools: [WEATHER], tool_choice: 'none' })['toolConfig']).toBeUndefined()
  })

  test('carries media as bytes; what Bedrock would have to fetch is refused so that another endpoint may serve', () => {
    const pdf = {
      type: 'file',
      file: { filename: 'my report_v2.pdf', file_data: 'data:application/pdf;base64,JVBERi0=' },
    }
    const csv = {
      type: 'file',
      file: { filename: 'my report_v2.csv', file_data: 'data:text/csv;base64,YSxi' },
    }
    const { content } = messagesOf([
      { role: 'user', content: [{ type: 'image_url', image_url: { url: PNG } }, pdf, csv] },
    ])[0]!
    expect(content).toEqual([
      { image: { format: 'png', source: { bytes: 'iVBORw==' } } },
      { document: { format: 'pdf', name: 'my report v2', source: { bytes: 'JVBERi0=' } } },
      { document: { format: 'csv', name: 'my report v2 2', source: { bytes: 'YSxi' } } },
      { text: 'See the document.' },
    ])
    const web = [{ role: 'user', content: [{ type: 'image_url', image_url: { url: 'https://a.b/c.png' } }] }]
    expect(() => bodyOf({ messages: web })).toThrow(expect.objectContaining({ code: 'unprocessable' }))
    const s3 = [{ role: 'user', content: [{ type: 'video_url', video_url: { url: 's3://bucket/a.mp4' } }] }]
    expect(messagesOf(s3, NOVA)[0]!.content).toEqual([
      { video: { format: 'mp4', source: { s3Location: { uri: 's3://bucket/a.mp4' } } } },
    ])
  })

  test('takes signed and sealed reasoning back to Claude, and names what is not its own', () => {
    const said = (detail: Json) => [
      { role: 'user', content: 'x' },
      { role: 'assistant', content: 'y', reasoning_details: [detail] },
      { role: 'user', content: 'z' },
    ]
    const signed = { type: 'reasoning.text', text: 'hm', signature: 'sig', format: 'anthropic-claude-v1' }
    const sealed = { type: 'reasoning.encrypted', data: 'EuQF', format: 'anthropic-claude-v1' }
    expect(messagesOf(said(signed))[1]!.content[0]).toEqual({
      reasoningContent: { reasoningText: { text: 'hm', signature: 'sig' } },
    })
    expect(messagesOf(said(sealed))[1]!.content[0]).toEqual({
      reasoningContent: { redactedContent: Buffer.from('EuQF').toString('base64') },
    })
    for (const [detail, model] of [
      [{ ...signed, format: 'google-gemini-v1' }, CLAUDE],
      [signed, NOVA],
    ] as const) {
      expect(messagesOf(said(detail), model)[1]!.content).toEqual([{ text: 'y' }])
      expect(droppedOf({ messages: said(detail) }, model)).toEqual(['reasoning_details'])
    }
  })
})

describe('cache markers become cache points', () => {
  const mark = { cache_control: { type: 'ephemeral', ttl: '1h' } }
  const marked = (text: string, control: Json = mark) => ({ type: 'text', text, ...control })

  test('behind the marked block, before documents, and at most four', () => {
    const point = { cachePoint: { type: 'default', ttl: '1h' } }
    const file = {
      type: 'file',
      file: { filename: 'a.txt', file_data: 'data:text/plain;base64,YQ==' },
      ...mark,
    }
    const body = bodyOf({
      messages: [
        { role: 'system', content: [marked('s')] },
        { role: 'user', content: [{ type: 'text', text: 'u' }, file] },
      ],
      tools: [{ ...WEATHER, ...mark }],
    })
    expect((body['toolConfig'] as Json)['tools']).toHaveLength(2)
    expect(body['system']).toEqual([{ text: 's' }, point])
    expect((body['messages'] as Json[])[0]!['content']).toMatchObject([
      { text: 'u' },
      point,
      { document: {} },
    ])
    const many = {
      messages: [{ role: 'user', content: ['a', 'b', 'c', 'd', 'e', 'f'].map((text) => marked(text)) }],
    }
    const points = JSON.stringify(bodyOf(many)).match(/cachePoint/g)
    expect(points).toHaveLength(4)
    expect(messagesOf(many.messages)[0]!.content.slice(0, 3)).toEqual([
      { text: 'a' },
      { text: 'b' },
      { text: 'c' },
    ])
  })

  test('where the model has them; the automatic one stands at the end', () => {
    expect(droppedOf({ messages: [{ role: 'user', content: [marked('u')] }] }, LLAMA)).toEqual([
      'cache_control',
    ])
    expect(messagesOf([{ role: 'user', content: [marked('u')] }], NOVA)[0]!.content[1]).toEqual({
      cachePoint: { type: 'default' },
    })
    expect(
      messagesOf([{ role: 'user', content: 'u' }], CLAUDE, { cache_control: { type: 'ephemeral' } })[0]!
        .content,
    ).toEqual([{ text: 'u' }, { cachePoint: { type: 'default' } }])
  })
})

describe('parameters', () => {
  test('have their places', () => {
    const body = bodyOf(
      { max_tokens: 9, temperature: 0.5, top_k: 7, stop: ['a', ' '], service_tier: 'flex' },
      OLD_CLAUDE,
    )
    expect(body).toMatchObject({
      inferenceConfig: { maxTokens: 9, temperature: 0.5, stopSequences: ['a'] },
      additionalModelRequestFields: { top_k: 7 },
      additionalModelResponseFieldPaths: ['/stop_sequence'],
      serviceTier: { type: 'flex' },
    })
    expect(bodyOf({ top_k: 7 }, NOVA)['additionalModelRequestFields']).toEqual({
      inferenceConfig: { topK: 7 },
    })
    expect(droppedOf({ top_k: 7, seed: 1, n: 2, temperature: 2 }, LLAMA).toSorted()).toEqual([
      'n',
      'seed',
      'temperature',
      'top_k',
    ])
    expect(droppedOf({ temperature: 0.5, stop: 'a' }, GLM, ['max_tokens']).toSorted()).toEqual([
      'stop',
      'temperature',
    ])
  })

  test('of a tier dearer than the endpoint are not asked for', () => {
    expect(bodyOf({ service_tier: 'priority' })['serviceTier']).toBeUndefined()
    expect(droppedOf({ service_tier: 'priority' })).toEqual(['service_tier'])
    expect(droppedOf({ service_tier: 'auto' })).toEqual([])
  })

  test('of Converse itself pass by their own name', () => {
    const guardrailConfig = { guardrailIdentifier: 'g', guardrailVersion: '1' }
    const body = bodyOf({ guardrailConfig, additionalModelRequestFields: { a: 1 }, top_k: 3 }, OLD_CLAUDE)
    expect(body).toMatchObject({ guardrailConfig, additionalModelRequestFields: { top_k: 3, a: 1 } })
  })

  test('of reasoning are in the words of the model', () => {
    const fields = (reasoning: Json, model: string, rest: Json = {}) =>
      bodyOf({ reasoning, ...rest }, model)['additionalModelRequestFields']
    expect(fields({ max_tokens: 2000 }, OLD_CLAUDE)).toEqual({
      thinking: { type: 'enabled', budget_tokens: 2000 },
    })
    expect(fields({ effort: 'high' }, CLAUDE)).toEqual({
      thinking: { type: 'adaptive' },
      output_config: { effort: 'high' },
    })
    expect(fields({ effort: 'high' }, NOVA)).toEqual({
      reasoningConfig: { type: 'enabled', maxReasoningEffort: 'high' },
    })
    expect(fields({ effort: 'high' }, NOVA, { max_tokens: 9 })).toMatchObject({
      reasoningConfig: { maxReasoningEffort: 'medium' },
    })
    expect(fields({ effort: 'xhigh' }, 'openai.gpt-oss-120b-1:0')).toEqual({ reasoning_effort: 'high' })
    expect(droppedOf({ reasoning: { effort: 'high' } }, LLAMA)).toEqual(['reasoning'])
    const forced = {
      reasoning: { max_tokens: 2000 },
      tools: [WEATHER],
      tool_choice: 'required',
      temperature: 0.2,
    }
    expect(droppedOf(forced, OLD_CLAUDE)).toEqual(['reasoning'])
    expect(bodyOf(forced, OLD_CLAUDE)).toMatchObject({
      inferenceConfig: { temperature: 0.2 },
      toolConfig: { toolChoice: { any: {} } },
    })
  })

  test('that choose a tool are named where the model has no choice', () => {
    const named = { tools: [WEATHER], tool_choice: { type: 'function', function: { name: 'weather' } } }
    expect(bodyOf(named, NOVA)).toMatchObject({ toolConfig: { toolChoice: { tool: { name: 'weather' } } } })
    expect(droppedOf({ ...named, parallel_tool_calls: false }, LLAMA)).toEqual([
      'tool_choice',
      'parallel_tool_calls',
    ])
  })
})

describe('an answer by schema', () => {
  const schema = { type: 'object', properties: { n: { type: 'integer', minimum: 1 } }, required: ['n'] }
  const format = { response_format: { type: 'json_schema', json_schema: { name: 'N', schema } } }

  test('is asked for as such where the model holds to one', () => {
    const { textFormat } = bodyOf(format, GLM)['outputConfig'] as { textFormat: Json }
    const { jsonSchema } = textFormat['structure'] as { jsonSchema: Json }
    expect(jsonSchema['name']).toBe('N')
    expect(JSON.parse(String(jsonSchema['schema']))).toMatchObject({
      required: ['n'],
      additionalProperties: false,
    })
  })

  test('is asked for as a tool call elsewhere, unless the request has tools or reasoning', () => {
    const { toolConfig } = bodyOf(format, NOVA) as { toolConfig: { tools: Json[]; toolChoice: Json } }
    expect(toolConfig.toolChoice).toEqual({ tool: { name: 'waybill_json_answer' } })
    expect(toolConfig.tools[0]).toMatchObject({ toolSpec: { inputSchema: { json: schema } } })
    expect(droppedOf(format, NOVA)).toEqual([])
    expect(droppedOf({ ...format, tools: [WEATHER] }, NOVA)).toEqual(['structured_outputs'])
    expect(droppedOf(format, LLAMA)).toEqual(['structured_outputs'])
    expect(droppedOf({ response_format: { type: 'json_object' } }, GLM)).toEqual(['response_format'])
  })
})

test('a conversation of 30 turns only ever adds bytes at the end', () => {
  const messages: Json[] = [{ role: 'system', content: 'You are a gardener.' }]
  let before = ''
  for (let turn = 0; turn < 30; turn++) {
    messages.push({
      role: 'user',
      content: turn % 5 === 0 ? [{ type: 'image_url', image_url: { url: PNG } }] : `q${turn}`,
    })
    const sent = JSON.stringify(bodyOf({ messages, tools: [WEATHER], stream: true, max_tokens: 100 }))
    expect(sent.startsWith(before)).toBe(true)
    before = sent.slice(0, -2)
    const reasoning_details = [
      { type: 'reasoning.text', text: 't', signature: `s${turn}`, format: 'anthropic-claude-v1' },
    ]
    messages.push({
      role: 'assistant',
      content: `a${turn}`,
      reasoning_details,
      tool_calls: [{ ...CALL, id: `c${turn}` }],
    })
    messages.push({ role: 'tool', tool_call_id: `c${turn}`, content: `r${turn}` })
  }
})

test('roles always take turns, whatever the conversation', () => {
  const message = fc.oneof(
    fc.record({ role: fc.constantFrom('system', 'user', 'assistant'), content: fc.string({ minLength: 1 }) }),
    fc.constant({ role: 'assistant', content: null, tool_calls: [CALL] }),
    fc.constant({ role: 'tool', tool_call_id: 'call.1', content: 'r' }),
  )
  fc.assert(
    fc.property(fc.array(message, { minLength: 1, maxLength: 12 }), (messages) => {
      const sent = messagesOf(messages as Json[])
      expect(sent[0]!.role).toBe('user')
      for (const [i, { role }] of sent.entries()) expect(role).toBe(i % 2 === 0 ? 'user' : 'assistant')
    }),
    { numRuns: 200 },
  )
})
