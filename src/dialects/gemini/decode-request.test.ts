import fc from 'fast-check'
import { describe, expect, test } from 'vitest'
import { GatewayError } from '../../chat/index.ts'
import { anthropicMessages } from '../anthropic-messages/index.ts'
import { openaiChat } from '../openai-chat/index.ts'
import { gemini, parsePath } from './index.ts'
import { seal } from './seal.ts'

// biome-ignore lint/suspicious/noExplicitAny: bodies are read as a script would
type Body = any

const PATH = '/v1beta/models/google/gemini-3-pro:generateContent'
const hi = [{ role: 'user', parts: [{ text: 'Hi' }] }]
const decode = (body: object, path = PATH) =>
  gemini.decodeRequest({ contents: hi, ...body }, { path, query: '' })
const target = (upstreamId: string) => ({
  upstreamId,
  maxOutput: null,
  quirks: {},
  supportedParameters: null,
})

describe('the path', () => {
  test.each([
    ['/v1beta/models/gemini-2.5-pro:generateContent', 'gemini-2.5-pro', false],
    ['/v1/models/google/gemini-2.5-pro:streamGenerateContent', 'google/gemini-2.5-pro', true],
    ['/api/v1beta/models/meta/llama-4:free:generateContent', 'meta/llama-4:free', false],
    ['/v1beta/models/google%2Fgemini-3-pro%3AgenerateContent', 'google/gemini-3-pro', false],
    ['/v1beta/models/models/google/gemini-3-pro:generateContent', 'google/gemini-3-pro', false],
  ])('%s names %s, streamed: %s', (path, model, stream) => {
    expect(decode({}, path)).toMatchObject({ models: [model], stream })
  })

  test('of something else is none', () => {
    for (const path of ['/v1beta/models', '/v1beta/models/x:embedContent', '/chat/completions', '/%']) {
      expect(parsePath(path)).toBeNull()
    }
  })
})

describe('a request', () => {
  test('is read in both spellings of its names', () => {
    const camel = decode({
      systemInstruction: { parts: [{ text: 'S' }] },
      generationConfig: {
        maxOutputTokens: 5,
        topK: 3,
        thinkingConfig: { thinkingBudget: 9, includeThoughts: true },
      },
      tools: [{ functionDeclarations: [{ name: 'f', parametersJsonSchema: { type: 'object' } }] }],
      toolConfig: { functionCallingConfig: { mode: 'ANY', allowedFunctionNames: ['f'] } },
    })
    const snake = decode({
      system_instruction: { parts: { text: 'S' } },
      generation_config: {
        max_output_tokens: 5,
        top_k: 3,
        thinking_config: { thinking_budget: 9, include_thoughts: true },
      },
      tools: [{ function_declarations: [{ name: 'f', parameters_json_schema: { type: 'object' } }] }],
      tool_config: { function_calling_config: { mode: 'any', allowed_function_names: ['f'] } },
    })
    for (const chat of [camel, snake]) {
      expect(chat).toMatchObject({ maxOutputTokens: 5, reasoning: { maxTokens: 9 } })
      expect(chat.messages()[0]).toEqual({ role: 'system', content: [{ kind: 'text', text: 'S' }] })
      expect(chat.parameterValues()).toMatchObject({ topK: 3, toolChoice: { kind: 'tool', name: 'f' } })
      expect(chat.tools()).toEqual([{ name: 'f', parameters: { type: 'object' } }])
    }
  })

  test('with everything in it reaches a Chat Completions provider', () => {
    const chat = decode({
      generationConfig: {
        temperature: 1,
        topP: 0.5,
        seed: 4,
        stopSequences: ['x'],
        candidateCount: 2,
        responseMimeType: 'application/json',
        responseSchema: { type: 'OBJECT', properties: { a: { type: 'STRING' } } },
        responseModalities: ['TEXT', 'IMAGE'],
        responseLogprobs: true,
        logprobs: 2,
        mediaResolution: 'MEDIA_RESOLUTION_LOW',
      },
      safetySettings: [{ category: 'C', threshold: 'BLOCK_NONE' }],
      tools: [
        { googleSearch: {} },
        { functionDeclarations: [{ name: 'f', parameters: { type: 'OBJECT' } }] },
      ],
      serviceTier: 'SERVICE_TIER_FLEX',
      models: ['openai/gpt-5'],
      provider: { only: ['openai'] },
    })
    expect(chat).toMatchObject({
      models: ['google/gemini-3-pro', 'openai/gpt-5'],
      choices: 2,
      outputModalities: ['text', 'image'],
      provider: { only: ['openai'] },
    })
    expect(new Set(chat.parameters)).toEqual(
      new Set([
        'temperature',
        'top_p',
        'seed',
        'stop',
        'logprobs',
        'top_logprobs',
        'tools',
        'response_format',
        'structured_outputs',
      ]),
    )
    const { body, dropped } = openaiChat.encodeRequest(chat, target('m'))
    expect(body).toMatchObject({
      temperature: 1,
      top_p: 0.5,
      seed: 4,
      stop: ['x'],
      n: 2,
      logprobs: true,
      top_logprobs: 2,
      service_tier: 'flex',
      modalities: ['text', 'image'],
      response_format: {
        type: 'json_schema',
        json_schema: { schema: { type: 'object', properties: { a: { type: 'string' } } } },
      },
      tools: [{ type: 'function', function: { name: 'f', parameters: { type: 'object' } } }],
    })
    expect(new Set(dropped.map(({ parameter }) => parameter))).toEqual(
      new Set(['generationConfig.mediaResolution', 'safetySettings', 'tools.googleSearch']),
    )
  })

  test('says what is wrong with it, and where', () => {
    const wrong: [object, string][] = [
      [{ contents: [] }, 'contents'],
      [{ contents: [{ role: 'assistant', parts: [] }] }, 'contents[0].role'],
      [{ contents: [{ parts: 'x' }] }, 'contents[0].parts'],
      [{ tools: {} }, 'tools'],
      [{ generationConfig: [] }, 'generationConfig'],
      [{ generationConfig: { temperature: 'warm' } }, 'generationConfig.temperature'],
      [{ generationConfig: { max_output_tokens: 0 } }, 'generationConfig.maxOutputTokens'],
      [{ generationConfig: { responseModalities: ['SMELL'] } }, 'generationConfig.responseModalities'],
    ]
    for (const [body, param] of wrong) {
      let thrown: unknown
      try {
        decode(body)
      } catch (error) {
        thrown = error
      }
      expect(thrown).toBeInstanceOf(GatewayError)
      expect(thrown).toMatchObject({ code: 'invalid_request', metadata: { param } })
    }
  })

  test('hides thoughts unless they are asked for', () => {
    expect(decode({}).reasoning).toEqual({ exclude: true })
    expect(
      decode({ generationConfig: { thinkingConfig: { includeThoughts: true, thinkingLevel: 'HIGH' } } })
        .reasoning,
    ).toEqual({ effort: 'high' })
    expect(decode({ generationConfig: { thinkingConfig: { thinkingBudget: -1 } } }).reasoning).toEqual({
      enabled: true,
      exclude: true,
    })
  })

  test('to count may stand inside another', () => {
    const path = '/v1beta/models/google/gemini-3-pro:countTokens'
    const inner = { generateContentRequest: { model: 'models/x', contents: hi } }
    const chat = gemini.decodeRequest(inner, { path, query: '' })
    expect(chat).toMatchObject({ models: ['google/gemini-3-pro'], stream: false })
    expect(chat.messages()).toHaveLength(1)
    expect(chat.promptBytes).toBeGreaterThan(2)
  })
})

describe('a conversation', () => {
  test('keeps calls and results together, with ids or without', () => {
    const chat = decode({
      contents: [
        { parts: [{ text: 'Hi' }] },
        {
          role: 'model',
          parts: [
            { text: 'thinking', thought: true },
            { text: 'Let me see.', thoughtSignature: 'T' },
            { functionCall: { name: 'f', args: { a: 1 } }, thoughtSignature: 'S' },
            { functionCall: { name: 'g' } },
            { functionCall: { id: 'own', name: 'f', args: {} } },
          ],
        },
        {
          role: 'function',
          parts: [
            { functionResponse: { name: 'g', response: { result: 'G' } } },
            { functionResponse: { name: 'f', response: { error: 'bad' } } },
            { functionResponse: { id: 'own', name: 'f', response: { x: [1], y: 2 } } },
            { text: 'So?' },
          ],
        },
      ],
    })
    expect(chat.messages()).toEqual([
      { role: 'user', content: [{ kind: 'text', text: 'Hi' }] },
      {
        role: 'assistant',
        content: [
          { kind: 'reasoning', format: 'google-gemini-v1', text: 'thinking' },
          { kind: 'text', text: 'Let me see.', signature: 'T' },
          { kind: 'tool-call', id: 'call_1_0', name: 'f', args: '{"a":1}', signature: 'S' },
          { kind: 'tool-call', id: 'call_1_1', name: 'g', args: '{}' },
          { kind: 'tool-call', id: 'own', name: 'f', args: '{}' },
        ],
      },
      { role: 'tool', toolCallId: 'call_1_1', name: 'g', content: [{ kind: 'text', text: 'G' }] },
      {
        role: 'tool',
        toolCallId: 'call_1_0',
        name: 'f',
        content: [{ kind: 'text', text: 'bad' }],
        isError: true,
      },
      { role: 'tool', toolCallId: 'own', name: 'f', content: [{ kind: 'text', text: '{"x":[1],"y":2}' }] },
      { role: 'user', content: [{ kind: 'text', text: 'So?' }] },
    ])
  })

  test('whose answer was kept chunk by chunk is one answer', () => {
    const model = (part: object) => ({ role: 'model', parts: [part] })
    const chat = decode({
      contents: [
        ...hi,
        model({ text: 'hm', thought: true }),
        model({ text: 'Look' }),
        model({ text: 'ing' }),
        model({ functionCall: { name: 'f', args: {} } }),
        model({ text: '' }),
        { role: 'user', parts: [{ functionResponse: { name: 'f', response: { output: 'x' } } }] },
      ],
    })
    expect(chat.messages().map(({ role, content }) => [role, content.map(({ kind }) => kind)])).toEqual([
      ['user', ['text']],
      ['assistant', ['reasoning', 'text', 'text', 'tool-call']],
      ['tool', ['text']],
    ])
    expect(chat.messages()[2]).toMatchObject({ toolCallId: 'call_1_0' })
  })

  test('with media is read in the hub’s words, base64 in the usual alphabet', () => {
    const chat = decode({
      contents: [
        {
          parts: [
            { inlineData: { mimeType: 'image/png', data: '_-8=' } },
            { inline_data: { mime_type: 'audio/mpeg', data: 'AA' } },
            { inlineData: { mimeType: 'application/pdf', data: 'BB', displayName: 'a.pdf' } },
            { fileData: { fileUri: 'https://youtu.be/x' } },
            { fileData: { mimeType: 'application/pdf', fileUri: 'https://x.test/b.pdf' } },
            { executableCode: { language: 'PYTHON', code: '1' } },
          ],
        },
      ],
    })
    expect(chat.messages()[0]!.content).toEqual([
      { kind: 'image', url: 'data:image/png;base64,/+8=' },
      { kind: 'audio', data: 'AA', format: 'mp3' },
      { kind: 'file', data: 'data:application/pdf;base64,BB', filename: 'a.pdf' },
      { kind: 'video', url: 'https://youtu.be/x' },
      { kind: 'file', data: 'https://x.test/b.pdf', filename: 'b.pdf' },
      { kind: 'opaque', dialect: 'gemini', data: { executableCode: { language: 'PYTHON', code: '1' } } },
    ])
    expect(chat).toMatchObject({ mediaParts: 5 })
    expect(new Set(chat.inputModalities)).toEqual(new Set(['text', 'image', 'audio', 'file', 'video']))
  })

  test('that another family reasoned in goes back to it, and to Gemini without its proofs', () => {
    const thought = { format: 'anthropic-claude-v1', text: 'Hm.', signature: 'PROOF' }
    const contents = [
      ...hi,
      {
        role: 'model',
        parts: [
          { text: 'Hm.', thought: true },
          { text: 'Looking.' },
          { functionCall: { id: 'a', name: 'f', args: {} }, thoughtSignature: seal([thought]) },
        ],
      },
      { role: 'user', parts: [{ functionResponse: { id: 'a', name: 'f', response: { output: 'x' } } }] },
    ]
    const chat = decode({ contents })
    const claude = anthropicMessages.encodeRequest(chat, target('claude-sonnet-4-5')).body as Body
    expect(claude.messages[1].content).toMatchObject([
      { type: 'thinking', thinking: 'Hm.', signature: 'PROOF' },
      { type: 'text', text: 'Looking.' },
      { type: 'tool_use', id: 'a' },
    ])
    const { body, dropped } = gemini.encodeRequest(chat, target('gemini-3-pro'))
    expect((body as Body).contents[1].parts[2].thoughtSignature).toBe('skip_thought_signature_validator')
    expect(dropped).toMatchObject([{ parameter: 'reasoning_details' }])
  })
})

test('a signature of Gemini’s own beside what another family thought goes back alone', () => {
  const thoughtSignature = seal([{ format: 'x', text: 'a' }], 'OWN')
  const parts = [{ functionCall: { name: 'f' }, thoughtSignature }]
  const chat = decode({ contents: [...hi, { role: 'model', parts }] })
  const { body } = gemini.encodeRequest(chat, target('gemini-3-pro'))
  expect((body as Body).contents[1].parts).toEqual([{ functionCall: { name: 'f' }, thoughtSignature: 'OWN' }])
  expect(chat.messages()[1]!.content).toMatchObject([{ text: 'a' }, { kind: 'tool-call', signature: 'OWN' }])
})

test('reasoning between text and call keeps its place', () => {
  const format = 'anthropic-claude-v1'
  const sealed = seal([
    { format, text: 'a', signature: '1' },
    { format, text: 'b', signature: '2', place: 'after-text' },
  ])
  const parts = [
    { text: 'Well.' },
    { functionCall: { id: 'x', name: 'f', args: {} }, thoughtSignature: sealed },
  ]
  const [, answer] = decode({ contents: [...hi, { role: 'model', parts }] }).messages()
  expect(answer!.content.map((part) => ('text' in part ? part.text : part.kind))).toEqual([
    'a',
    'Well.',
    'b',
    'tool-call',
  ])
})

test('a conversation of 30 turns grows at its end only, for every provider', () => {
  const contents: object[] = []
  const before = new Map<object, string>()
  for (let turn = 0; turn < 30; turn++) {
    contents.push(
      { role: 'user', parts: [{ text: `Question ${turn}` }] },
      { role: 'model', parts: [{ text: 'hm', thought: true }] },
      {
        role: 'model',
        parts: [{ functionCall: { name: 'f', args: { turn } }, thoughtSignature: `S${turn}` }],
      },
      { role: 'user', parts: [{ functionResponse: { name: 'f', response: { output: `R${turn}` } } }] },
    )
    for (const dialect of [openaiChat, anthropicMessages, gemini]) {
      const { body } = dialect.encodeRequest(decode({ contents }), target('gemini-3-pro'))
      const { messages = (body as Body).contents } = body as Body
      const json = JSON.stringify(messages)
      const last = before.get(dialect)
      if (last !== undefined) expect(json.startsWith(last)).toBe(true)
      // Claude's results and the next question share a turn: what closes it moves.
      before.set(dialect, json.replace(/[\]}]+$/, ''))
    }
  }
})

describe('to a provider of the same format', () => {
  test('a request goes as it is, without what is addressed to the gateway', () => {
    const wire = {
      contents: hi,
      safetySettings: [{ category: 'C', threshold: 'T' }],
      cachedContent: 'cachedContents/1',
      generation_config: { topK: 3, somethingNew: true, thinkingConfig: { thinkingLevel: 'low' } },
      tools: [{ googleSearch: {} }],
      labels: { a: 'b' },
      unheardOf: 1,
    }
    const { body, dropped, path } = gemini.encodeRequest(
      decode(
        { ...wire, models: ['x'], provider: {}, session_id: 's' },
        PATH.replace('generate', 'streamGenerate').replace('Generate', 'Generate'),
      ),
      target('gemini-3-pro'),
    )
    expect(body).toEqual(wire)
    expect(dropped).toEqual([])
    expect(path).toContain('/v1beta/models/gemini-3-pro:')
  })

  test('a tier goes where the host reads it, unless it costs more', () => {
    const told = (service_tier: string, unsupported: string[] = []) => {
      const to = { ...target('gemini-3-pro'), quirks: { unsupported } }
      const { body, headers, dropped } = gemini.encodeRequest(decode({ service_tier }), to)
      return [(body as Body).serviceTier, headers, dropped.map(({ parameter }) => parameter)]
    }
    expect(told('SERVICE_TIER_FLEX')).toEqual(['SERVICE_TIER_FLEX', [], []])
    const header = ['x-vertex-ai-llm-shared-request-type', 'flex']
    expect(told('SERVICE_TIER_FLEX', ['serviceTier'])).toEqual([undefined, [header], []])
    expect(told('SERVICE_TIER_PRIORITY')).toEqual([undefined, [], ['service_tier']])
  })

  test('reasoning is asked for in the way of the model', () => {
    const chat = decode({
      generationConfig: { thinkingConfig: { thinkingLevel: 'HIGH', includeThoughts: true } },
    })
    const config = (id: string) => (gemini.encodeRequest(chat, target(id)).body as Body).generationConfig
    expect(config('gemini-3-pro')).toEqual({
      thinkingConfig: { thinkingLevel: 'HIGH', includeThoughts: true },
    })
    expect(config('gemini-2.5-flash')).toEqual({
      thinkingConfig: { thinkingBudget: 24_576, includeThoughts: true },
    })
    expect(config('gemini-2.0-flash')).toEqual({})
  })
})

test('through the hub and back, a request is the same', () => {
  const word = fc.string({ minLength: 1, maxLength: 8 })
  const said = fc.record({ text: word })
  const call = fc.record({
    name: fc.constantFrom('f', 'g'),
    args: fc.dictionary(fc.constantFrom('a', 'b'), fc.integer()),
  })
  const turn = fc
    .tuple(said, fc.array(call, { maxLength: 3 }), fc.option(word, { nil: undefined }))
    .map(([text, calls, signature]) => [
      { role: 'user', parts: [text] },
      {
        role: 'model',
        parts: [
          text,
          ...calls.map((functionCall, i) => ({
            functionCall: { id: `${functionCall.name}${i}`, ...functionCall },
            ...(signature && i === 0 && { thoughtSignature: signature }),
          })),
        ],
      },
      ...(calls.length === 0
        ? []
        : [
            {
              role: 'user',
              parts: calls.map(({ name }, i) => ({
                functionResponse: { id: `${name}${i}`, name, response: { output: text.text } },
              })),
            },
          ]),
    ])
  const config = fc.record(
    {
      temperature: fc.double({ min: 0, max: 2, noNaN: true }),
      topK: fc.nat(99),
      seed: fc.nat(),
      maxOutputTokens: fc.integer({ min: 1, max: 9999 }),
      stopSequences: fc.array(word, { minLength: 1, maxLength: 5 }),
      candidateCount: fc.integer({ min: 2, max: 4 }),
    },
    { requiredKeys: [] },
  )
  fc.assert(
    fc.property(fc.array(turn, { minLength: 1, maxLength: 4 }), config, (turns, generationConfig) => {
      const wire = {
        contents: turns.flat(),
        ...(Object.keys(generationConfig).length > 0 && { generationConfig }),
      }
      const chat = decode(wire)
      const { body, dropped } = gemini.encodeRequest(
        { ...chat, dialect: 'another' },
        target('gemini-2.0-flash'),
      )
      expect(dropped).toEqual([])
      expect(body).toEqual(wire)
    }),
    { numRuns: 60 },
  )
})
