import { describe, expect, test } from 'vitest'
import { GatewayError } from '../../chat/index.ts'
import type { Quirks, WireTarget } from '../dialect.ts'
import { openaiChat } from '../openai-chat/index.ts'
import { gemini } from './index.ts'

// biome-ignore lint/suspicious/noExplicitAny: bodies are read as a script would
type Body = any

const target = (upstreamId: string, more: Partial<WireTarget> = {}): WireTarget => ({
  upstreamId,
  maxOutput: null,
  quirks: {},
  supportedParameters: null,
  ...more,
})

const encode = (request: object, to: WireTarget = target('gemini-2.5-flash')) => {
  const chat = openaiChat.decodeRequest(
    { model: 'google/x', messages: [{ role: 'user', content: 'Hi' }], ...request },
    { path: '/chat/completions', query: '' },
  )
  const { body, ...rest } = gemini.encodeRequest(chat, to)
  return { body: body as Body, ...rest }
}
const named = (dropped: readonly { parameter: string }[]) => dropped.map(({ parameter }) => parameter)

describe('the address', () => {
  test.each([
    ['gemini-2.5-pro', false, '/v1beta/models/gemini-2.5-pro:generateContent'],
    ['gemini-2.5-pro', true, '/v1beta/models/gemini-2.5-pro:streamGenerateContent?alt=sse'],
    ['models/gemini-3-pro', false, '/v1beta/models/gemini-3-pro:generateContent'],
    ['tunedModels/mine', false, '/v1beta/tunedModels/mine:generateContent'],
    ['a b', false, '/v1beta/models/a%20b:generateContent'],
  ])('of %s, streamed: %s', (id, stream, path) => {
    expect(encode({ stream }, target(id)).path).toBe(path)
  })
})

describe('a conversation', () => {
  const messages = [
    { role: 'system', content: 'Be brief.' },
    { role: 'user', name: 'Ann', content: 'Weather?' },
    {
      role: 'assistant',
      content: 'Looking.',
      reasoning_details: [
        { type: 'reasoning.text', text: 'Two cities.', format: 'google-gemini-v1', index: 0 },
        { type: 'reasoning.encrypted', data: 'SIGTEXT', format: 'google-gemini-v1', index: 1 },
        { type: 'reasoning.encrypted', data: 'SIGA', id: 'a', format: 'google-gemini-v1', index: 2 },
        { type: 'reasoning.text', text: 'x', signature: 's', format: 'anthropic-claude-v1', index: 3 },
      ],
      tool_calls: [
        { id: 'a', type: 'function', function: { name: 'weather', arguments: '{"city":"Rome"}' } },
        { id: 'b', type: 'function', function: { name: 'weather', arguments: '' } },
      ],
    },
    { role: 'tool', tool_call_id: 'a', content: '{"t":12345678901234567890}' },
    { role: 'tool', tool_call_id: 'b', content: 'no' },
    { role: 'system', content: 'Now in French.' },
    { role: 'user', content: 'And?' },
  ]

  test('becomes contents, signatures on the parts they belong to', () => {
    const { body, dropped } = encode({ messages })
    expect(body).toEqual({
      systemInstruction: { parts: [{ text: 'Be brief.' }] },
      generationConfig: { thinkingConfig: { includeThoughts: true } },
      contents: [
        { role: 'user', parts: [{ text: 'Ann: Weather?' }] },
        {
          role: 'model',
          parts: [
            { text: 'Two cities.', thought: true },
            { text: 'Looking.', thoughtSignature: 'SIGTEXT' },
            { functionCall: { id: 'a', name: 'weather', args: { city: 'Rome' } }, thoughtSignature: 'SIGA' },
            { functionCall: { id: 'b', name: 'weather', args: {} } },
          ],
        },
        {
          role: 'user',
          parts: [
            {
              functionResponse: {
                id: 'a',
                name: 'weather',
                response: { output: '{"t":12345678901234567890}' },
              },
            },
            { functionResponse: { id: 'b', name: 'weather', response: { output: 'no' } } },
          ],
        },
        { role: 'user', parts: [{ text: '<system>\nNow in French.\n</system>' }] },
        { role: 'user', parts: [{ text: 'And?' }] },
      ],
    })
    expect(named(dropped)).toEqual(['reasoning_details'])
  })

  test('with several signatures of no call: the last one is the text’s, the others belong to parts that are gone', () => {
    const detail = (data: string) => ({ type: 'reasoning.encrypted', data, format: 'google-gemini-v1' })
    const answer = { role: 'assistant', content: '42', reasoning_details: [detail('CODE'), detail('TEXT')] }
    const { body, dropped } = encode({ messages: [{ role: 'user', content: 'Hi' }, answer] })
    expect(body.contents[1].parts).toEqual([{ text: '42', thoughtSignature: 'TEXT' }])
    expect(named(dropped)).toEqual(['reasoning_details'])
  })

  test('of another model: the first call says that no Gemini has signed it', () => {
    const call = { id: 'a', type: 'function', function: { name: 'f', arguments: '{}' } }
    const unsigned = [
      { role: 'user', content: 'Hi' },
      { role: 'assistant', content: null, tool_calls: [call, { ...call, id: 'b' }] },
    ]
    const parts = (id: string) => encode({ messages: unsigned }, target(id)).body.contents[1].parts
    expect(parts('gemini-3-pro-preview').map((part: Body) => part.thoughtSignature)).toEqual([
      'skip_thought_signature_validator',
      undefined,
    ])
    expect(parts('gemini-2.5-pro')[0]).not.toHaveProperty('thoughtSignature')
  })

  test('that begins with the assistant gets an opening; one of instructions only is told by the user', () => {
    expect(encode({ messages: [{ role: 'assistant', content: 'Hello' }] }).body.contents).toMatchObject([
      { role: 'user' },
      { role: 'model', parts: [{ text: 'Hello' }] },
    ])
    const { body } = encode({ messages: [{ role: 'system', content: 'S' }] })
    expect(body).toMatchObject({ contents: [{ role: 'user', parts: [{ text: 'S' }] }] })
    expect(body).not.toHaveProperty('systemInstruction')
  })

  test('of 30 turns grows at its end only', () => {
    const turns: object[] = [{ role: 'system', content: 'S' }]
    const tools = [{ type: 'function', function: { name: 'f', parameters: { type: 'object' } } }]
    let before = ''
    for (let turn = 0; turn < 30; turn++) {
      const id = `call_${turn}`
      turns.push(
        { role: 'user', content: `Question ${turn}` },
        {
          role: 'assistant',
          content: turn % 3 === 0 ? `Answer ${turn}` : null,
          tool_calls: [{ id, type: 'function', function: { name: 'f', arguments: `{"n":${turn}}` } }],
          reasoning_details: [
            { type: 'reasoning.encrypted', data: `S${turn}`, id, format: 'google-gemini-v1', index: 0 },
          ],
        },
        { role: 'tool', tool_call_id: id, content: `Result ${turn}` },
      )
      const json = JSON.stringify(
        encode({ messages: turns, tools, temperature: 1 }, target('gemini-3-pro')).body,
      )
      if (turn > 0) expect(json.startsWith(before.slice(0, -2))).toBe(true)
      before = json
    }
  })
})

describe('media', () => {
  const parts = (content: object[], id = 'gemini-2.5-flash') =>
    encode({ messages: [{ role: 'user', content }] }, target(id)).body.contents[0].parts

  test('go inline from data: URLs, by address from elsewhere', () => {
    expect(
      parts([
        { type: 'image_url', image_url: { url: 'data:image/png;base64,AAAA' } },
        { type: 'image_url', image_url: { url: 'https://x.test/a.webp?size=1' } },
        { type: 'file', file: { filename: 'a.pdf', file_data: 'data:application/pdf;base64,BBBB' } },
        { type: 'file', file: { filename: 'a.pdf', file_data: 'https://x.test/a' } },
        { type: 'file', file: { filename: 'a.txt', file_data: 'CCCC' } },
        { type: 'file', file: { file_id: 'files/abc' } },
        { type: 'input_audio', input_audio: { data: 'DDDD', format: 'wav' } },
        { type: 'video_url', video_url: { url: 'https://www.youtube.com/watch?v=1' } },
      ]),
    ).toEqual([
      { inlineData: { mimeType: 'image/png', data: 'AAAA' } },
      { fileData: { mimeType: 'image/webp', fileUri: 'https://x.test/a.webp?size=1' } },
      { inlineData: { mimeType: 'application/pdf', data: 'BBBB' } },
      { fileData: { mimeType: 'application/pdf', fileUri: 'https://x.test/a' } },
      { inlineData: { mimeType: 'text/plain', data: 'CCCC' } },
      {
        fileData: {
          mimeType: 'application/pdf',
          fileUri: 'https://generativelanguage.googleapis.com/v1beta/files/abc',
        },
      },
      { inlineData: { mimeType: 'audio/wav', data: 'DDDD' } },
      { fileData: { mimeType: 'video/mp4', fileUri: 'https://www.youtube.com/watch?v=1' } },
    ])
  })

  test('at an address that nobody can fetch are refused, so that another endpoint may try', () => {
    expect(() => parts([{ type: 'image_url', image_url: { url: 'ftp://x' } }])).toThrow(GatewayError)
  })

  test('in results of tools stand inside for the third generation, behind them for the second', () => {
    const messages = [
      { role: 'user', content: 'Hi' },
      {
        role: 'assistant',
        content: null,
        tool_calls: [{ id: 'a', type: 'function', function: { name: 'f' } }],
      },
      {
        role: 'tool',
        tool_call_id: 'a',
        content: [
          { type: 'text', text: 'seen' },
          { type: 'image_url', image_url: { url: 'data:image/png;base64,AAAA' } },
        ],
      },
    ]
    const image = { inlineData: { mimeType: 'image/png', data: 'AAAA' } }
    const answer = { id: 'a', name: 'f', response: { output: 'seen' } }
    expect(encode({ messages }, target('gemini-3-flash')).body.contents.slice(2)).toEqual([
      { role: 'user', parts: [{ functionResponse: { ...answer, parts: [image] } }] },
    ])
    expect(encode({ messages }).body.contents.slice(2)).toEqual([
      { role: 'user', parts: [{ functionResponse: answer }] },
      { role: 'user', parts: [image] },
    ])
  })
})

describe('reasoning', () => {
  const thinking = (request: object, id: string, more?: Partial<WireTarget>) => {
    const { body, dropped } = encode(request, target(id, more))
    return [body.generationConfig?.thinkingConfig, named(dropped)] as const
  }
  const effort = (name: string, more: object = {}) => ({ reasoning: { effort: name }, ...more })

  test.each([
    ['gemini-3-flash-preview', 'minimal', 'minimal'],
    ['gemini-3-flash-preview', 'medium', 'medium'],
    ['gemini-3-flash-preview', 'xhigh', 'high'],
    ['gemini-3-flash-preview', 'max', 'high'],
    ['gemini-3-pro-preview', 'medium', 'high'],
    ['gemini-3.1-pro-preview', 'medium', 'medium'],
    ['gemini-3.1-pro-preview', 'minimal', 'low'],
    ['gemini-flash-latest', 'low', 'low'],
  ])('%s: %s is level %s', (id, name, level) => {
    expect(thinking(effort(name), id)).toEqual([{ includeThoughts: true, thinkingLevel: level }, []])
  })

  test.each([
    ['gemini-2.5-flash', effort('low'), 1024],
    ['gemini-2.5-flash', effort('high'), 24_576],
    ['gemini-2.5-flash', effort('max'), 24_576],
    ['gemini-2.5-pro', effort('max'), 32_768],
    ['gemini-2.5-pro', effort('low', { max_tokens: 300 }), 128],
    ['gemini-2.5-pro', effort('medium', { max_tokens: 10_000 }), 5000],
    ['gemini-2.5-flash-lite', effort('minimal', { max_tokens: 1000 }), 512],
    ['gemini-2.5-flash', { reasoning: { max_tokens: 777 } }, 777],
    ['gemini-2.5-flash', { reasoning: { enabled: true } }, 8192],
    ['gemini-3-pro-preview', { reasoning: { max_tokens: 777 } }, 777],
  ])('%s: %j is a budget of %i tokens', (id, request, budget) => {
    expect(thinking(request, id)).toEqual([{ includeThoughts: true, thinkingBudget: budget }, []])
  })

  test('is turned off where it can be, else made small and named', () => {
    expect(thinking(effort('none'), 'gemini-2.5-flash')).toEqual([
      { includeThoughts: false, thinkingBudget: 0 },
      [],
    ])
    expect(thinking(effort('none'), 'gemini-2.5-pro')).toEqual([
      { includeThoughts: false, thinkingBudget: 128 },
      ['reasoning'],
    ])
    expect(thinking(effort('none'), 'gemini-3-pro-preview')[0]).toEqual({
      includeThoughts: false,
      thinkingLevel: 'low',
    })
  })

  test('is not spoken of to models that have none, and named only when it was asked for', () => {
    for (const id of [
      'gemini-2.0-flash',
      'gemini-2.5-flash-image',
      'gemma-3-27b-it',
      'gemini-2.5-pro-preview-tts',
    ]) {
      expect(thinking({}, id)).toEqual([undefined, []])
      expect(thinking(effort('high'), id)).toEqual([undefined, ['reasoning']])
    }
    expect(thinking(effort('high'), 'gemini-2.5-pro', { supportedParameters: ['temperature'] })).toEqual([
      undefined,
      ['reasoning'],
    ])
  })

  test('is hidden on demand', () => {
    expect(thinking({ reasoning: { exclude: true } }, 'gemini-3-flash')[0]).toEqual({
      includeThoughts: false,
    })
  })
})

describe('parameters', () => {
  const tools = [
    {
      type: 'function',
      function: { name: 'f', description: 'F', parameters: { type: 'object', properties: {} } },
    },
  ]

  test('have their names in generationConfig', () => {
    const { body, dropped } = encode({
      temperature: 0.5,
      top_p: 0.9,
      top_k: 40,
      max_tokens: 100,
      n: 2,
      stop: ['a', 'b'],
      seed: 7,
      frequency_penalty: 0.1,
      presence_penalty: 0.2,
      logprobs: true,
      top_logprobs: 3,
      modalities: ['text', 'image'],
      image_config: { aspect_ratio: '16:9' },
      service_tier: 'flex',
    })
    expect(body.generationConfig).toMatchObject({
      temperature: 0.5,
      topP: 0.9,
      topK: 40,
      maxOutputTokens: 100,
      candidateCount: 2,
      stopSequences: ['a', 'b'],
      seed: 7,
      frequencyPenalty: 0.1,
      presencePenalty: 0.2,
      responseLogprobs: true,
      logprobs: 3,
      responseModalities: ['TEXT', 'IMAGE'],
      imageConfig: { aspectRatio: '16:9' },
    })
    expect(body.serviceTier).toBe('flex')
    expect(dropped).toEqual([])
  })

  test('that Google does not know are named', () => {
    const { dropped } = encode({
      min_p: 0.1,
      top_a: 0.1,
      repetition_penalty: 1.1,
      logit_bias: { 1: 1 },
      verbosity: 'low',
      cache_control: { type: 'ephemeral' },
      prediction: { type: 'content', content: 'x' },
      service_tier: 'scale',
      stop: ['1', '2', '3', '4', '5', '6'],
      parallel_tool_calls: false,
      tools,
      response_format: { type: 'json_object' },
    })
    expect(new Set(named(dropped))).toEqual(
      new Set([
        'min_p',
        'top_a',
        'repetition_penalty',
        'logit_bias',
        'verbosity',
        'cache_control',
        'prediction',
        'service_tier',
        'stop',
        'parallel_tool_calls',
        'response_format',
      ]),
    )
  })

  test('the promise of strict calls is named, the wish for none is not', () => {
    const tools = (strict: boolean) => [{ type: 'function', function: { name: 'f', parameters: {}, strict } }]
    expect(named(encode({ tools: tools(true) }).dropped)).toEqual(['tools.strict'])
    expect(encode({ tools: tools(false) }).dropped).toEqual([])
  })

  test('that the endpoint does not take are left out and named', () => {
    const { body, dropped } = encode(
      { temperature: 1, seed: 3, tools, tool_choice: 'auto' },
      target('gemini-2.0-flash', { supportedParameters: ['temperature'] }),
    )
    expect(body).toEqual({ generationConfig: { temperature: 1 }, contents: body.contents })
    expect(new Set(named(dropped))).toEqual(new Set(['seed', 'tools', 'tool_choice']))
  })

  test('a tier goes into a header where the body may not hold it', () => {
    const quirks: Quirks = { unsupported: ['serviceTier'] }
    const { body, headers, dropped } = encode({ service_tier: 'flex' }, target('gemini-3-pro', { quirks }))
    expect(headers).toEqual([['x-vertex-ai-llm-shared-request-type', 'flex']])
    expect(body).not.toHaveProperty('serviceTier')
    expect(dropped).toEqual([])
  })

  test.each([
    ['auto', { mode: 'AUTO' }],
    ['none', { mode: 'NONE' }],
    ['required', { mode: 'ANY' }],
    [
      { type: 'function', function: { name: 'f' } },
      { mode: 'ANY', allowedFunctionNames: ['f'] },
    ],
  ])('tool_choice %j', (tool_choice, functionCallingConfig) => {
    const { body } = encode({ tools, tool_choice })
    expect(body.toolConfig).toEqual({ functionCallingConfig })
    expect(body.tools).toEqual([
      {
        functionDeclarations: [
          { name: 'f', description: 'F', parametersJsonSchema: { type: 'object', properties: {} } },
        ],
      },
    ])
  })

  test('a schema of the answer, beside tools only for the third generation', () => {
    const response_format = {
      type: 'json_schema',
      json_schema: { name: 'n', strict: true, schema: { type: 'object', properties: { a: { const: 'x' } } } },
    }
    const config = (request: object, id: string) => encode(request, target(id)).body.generationConfig
    expect(config({ response_format }, 'gemini-2.0-flash')).toEqual({
      responseMimeType: 'application/json',
      responseJsonSchema: { type: 'object', properties: { a: { type: 'string', enum: ['x'] } } },
    })
    expect(config({ response_format, tools }, 'gemini-2.0-flash')).toBeUndefined()
    expect(config({ response_format, tools }, 'gemini-3-flash')).toHaveProperty('responseJsonSchema')
  })
})

test('counting asks with the whole request', () => {
  const chat = openaiChat.decodeRequest(
    { model: 'm', messages: [{ role: 'user', content: 'Hi' }] },
    { path: '', query: '' },
  )
  const studio = gemini.counting!.encodeCount(chat, target('gemini-2.0-flash'))
  expect(studio).toMatchObject({
    path: '/v1beta/models/gemini-2.0-flash:countTokens',
    body: { generateContentRequest: { model: 'models/gemini-2.0-flash', contents: [{ role: 'user' }] } },
  })
  const vertex = target('gemini-2.0-flash', { quirks: { unsupported: ['serviceTier'] } })
  expect(gemini.counting!.encodeCount(chat, vertex).body).toEqual({
    contents: [{ role: 'user', parts: [{ text: 'Hi' }] }],
  })
  expect(gemini.counting!.decodeCount({ totalTokens: 7 })).toBe(7)
  expect(gemini.counting!.decodeCount({})).toBeNull()
})
