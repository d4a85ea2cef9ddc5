import fc from 'fast-check'
import { describe, expect, test } from 'vitest'
import { GatewayError } from '../chat/index.ts'
import { clientDialect } from '../dialects/index.ts'
import type { PresetContent } from '../identity/index.ts'
import { withPreset } from './preset.ts'
import { contentOf } from './preset-shape.ts'

const SCHEMA = { type: 'object', properties: {} }
const content: PresetContent = {
  systemPrompt: 'Be brief.',
  config: {
    model: 'acme/one',
    models: ['acme/two'],
    temperature: 0.2,
    top_p: 0.5,
    max_tokens: 100,
    stop: ['END'],
    provider: { sort: 'price' },
    reasoning: { effort: 'low' },
    response_format: { type: 'json_schema', json_schema: { name: 'out', schema: SCHEMA } },
    tools: [{ type: 'function', function: { name: 'f', parameters: SCHEMA } }],
  },
}
const SAID: Record<string, Record<string, unknown>> = {
  'openai-chat': { messages: [{ role: 'user', content: 'hi' }] },
  'anthropic-messages': { max_tokens: 7, messages: [{ role: 'user', content: 'hi' }] },
  'openai-responses': { input: 'hi' },
  gemini: { contents: [{ role: 'user', parts: [{ text: 'hi' }] }] },
}
const PATHS: Record<string, string> = { gemini: '/models/any%2Fmodel:generateContent' }

function apply(
  dialect: string,
  more: Record<string, unknown>,
  path = PATHS[dialect] ?? '/x',
  preset = content,
) {
  const incoming = { body: { ...SAID[dialect], ...more }, target: { path, query: '' } }
  const thinks = (name: string) => name.includes(':thinking')
  const meant = withPreset(dialect, incoming, { preset: () => preset, thinks })
  return { ...meant, body: meant.body as Record<string, unknown> }
}

describe('a preset', () => {
  test('is named as the model, behind a model, or by the field', () => {
    expect(apply('openai-chat', { model: '@preset/x' }).body).toMatchObject({
      model: 'acme/one',
      models: ['acme/two'],
      temperature: 0.2,
    })
    const behind = apply('openai-chat', { model: 'acme/three@preset/x' }).body
    expect(behind).toMatchObject({ model: 'acme/three', temperature: 0.2 })
    expect(behind).not.toHaveProperty('models')
    const field = apply('openai-chat', { model: 'acme/three', preset: 'x' }).body
    expect(field).toEqual(behind)
    expect(apply('openai-chat', { preset: 'x' }).body).toMatchObject({ model: 'acme/one' })
  })

  test('leaves a request without one as it is, the same object', () => {
    const body = { model: 'acme/one', messages: [] }
    const incoming = { body, target: { path: '/x', query: '' } }
    const never = () => {
      throw new Error('asked')
    }
    expect(withPreset('openai-chat', incoming, { preset: never, thinks: never })).toBe(incoming)
  })

  test('gives way to the request, field by field', () => {
    const { body } = apply('openai-chat', {
      model: '@preset/x',
      temperature: 1,
      provider: { only: ['a'] },
      top_p: null,
    })
    expect(body).toMatchObject({ temperature: 1, provider: { only: ['a'] }, top_p: 0.5, max_tokens: 100 })
  })

  test('offers the tools of both, each name once', () => {
    const tools = [
      { type: 'function', function: { name: 'f', description: 'mine' } },
      { type: 'function', function: { name: 'g' } },
    ]
    const { body } = apply('openai-chat', { model: '@preset/x', tools })
    expect(body['tools']).toEqual(tools)
    expect(apply('openai-chat', { model: '@preset/x', tools: tools.slice(1) }).body['tools']).toHaveLength(2)
  })

  test('speaks first only where the request has no system message', () => {
    const messages = (body: Record<string, unknown>) =>
      body['messages'] as { role: string; content: string }[]
    expect(messages(apply('openai-chat', { model: '@preset/x' }).body)[0]).toEqual({
      role: 'system',
      content: 'Be brief.',
    })
    const own = [
      { role: 'developer', content: 'Be long.' },
      { role: 'user', content: 'hi' },
    ]
    expect(messages(apply('openai-chat', { model: '@preset/x', messages: own }).body)).toEqual(own)
  })

  test('without a model needs one in the request', () => {
    const bare = { systemPrompt: null, config: { temperature: 0 } }
    expect(() => apply('openai-chat', { model: '@preset/x' }, '/x', bare)).toThrow(/names no model/)
    expect(apply('openai-chat', { model: 'a/b@preset/x' }, '/x', bare).body).toMatchObject({ model: 'a/b' })
    expect(apply('openai-chat', { preset: 'x', models: ['a/b'] }, '/x', bare).body).toMatchObject({
      models: ['a/b'],
    })
  })

  test.each(['openai-chat', 'anthropic-messages', 'openai-responses', 'gemini'])(
    'means the same in %s',
    (dialect) => {
      const model = dialect === 'gemini' ? {} : { model: 'a/b' }
      const { body, target } = apply(dialect, { ...model, preset: 'x' })
      const chat = clientDialect(dialect)!.decodeRequest(body, target)
      expect(chat.parameterValues()).toMatchObject({
        temperature: 0.2,
        topP: 0.5,
        responseFormat: { kind: 'schema', schema: SCHEMA },
      })
      expect(chat.maxOutputTokens).toBe(dialect === 'anthropic-messages' ? 7 : 100)
      expect(chat.tools()).toMatchObject([{ name: 'f', parameters: SCHEMA }])
      expect(chat.provider.sort?.by).toBe('price')
      expect(chat.reasoning?.effort).toBe('low')
      expect(chat.messages()[0]).toMatchObject({ content: [{ kind: 'text', text: 'Be brief.' }] })
      expect(chat.extras ?? []).not.toContain('preset')
    },
  )

  test('keeps the parts that a request sets in nested settings', () => {
    const { body } = apply('gemini', { preset: 'x', generationConfig: { temperature: 1, seed: 3 } })
    expect(body['generationConfig']).toMatchObject({ temperature: 1, seed: 3, maxOutputTokens: 100 })
    const snake = apply('gemini', { preset: 'x', system_instruction: { parts: [{ text: 'mine' }] } }).body
    expect(snake).not.toHaveProperty('systemInstruction')
  })

  test("gives Google's path its model", () => {
    const { body, target } = apply('gemini', {}, '/models/@preset%2Fx:streamGenerateContent')
    expect(target.path).toBe('/models/acme/one:streamGenerateContent')
    expect(body).not.toHaveProperty('model')
    expect(clientDialect('gemini')!.decodeRequest(body, target).models).toEqual(['acme/one', 'acme/two'])
  })

  test('gives formats without a conversation what they take', () => {
    const embeddings = apply('openai-embeddings', { model: '@preset/x', input: 'x' }).body
    expect(Object.keys(embeddings).sort()).toEqual(['input', 'model', 'models', 'provider'])
    const completions = apply('openai-completions', { model: '@preset/x', prompt: 'x' }).body
    expect(completions).toMatchObject({ temperature: 0.2, stop: ['END'] })
    expect(completions).not.toHaveProperty('tools')
  })
})

describe(':thinking', () => {
  test.each(['openai-chat', 'anthropic-messages', 'openai-responses', 'gemini'])(
    'turns reasoning on in %s',
    (dialect) => {
      const path = dialect === 'gemini' ? '/models/a/b:thinking:generateContent' : '/x'
      const { body, target } = apply(dialect, { model: 'a/b:thinking', max_tokens: 9_000 }, path)
      const { reasoning } = clientDialect(dialect)!.decodeRequest(body, target)
      expect(reasoning).not.toBeNull()
      expect(reasoning?.enabled !== false && reasoning?.effort !== 'none').toBe(true)
    },
  )

  test('leaves what the request says of reasoning, and holds behind a preset', () => {
    const asked = { model: 'a/b:thinking', reasoning: { effort: 'high' } }
    expect(apply('openai-chat', asked).body['reasoning']).toEqual({ effort: 'high' })
    const bare = { systemPrompt: null, config: { model: 'a/b:thinking' } }
    expect(apply('openai-chat', { model: '@preset/x' }, '/x', bare).body['reasoning']).toEqual({
      enabled: true,
    })
  })
})

describe('what is kept of a request', () => {
  test('are its settings and its system prompt, not what is said', () => {
    const kept = contentOf('openai-chat', {
      model: 'acme/one',
      stream: true,
      user: 'someone',
      session_id: 's',
      temperature: 1,
      provider: { sort: 'price' },
      messages: [
        { role: 'system', content: 'Be kind.' },
        { role: 'user', content: 'a secret' },
      ],
    })
    expect(kept).toEqual({
      systemPrompt: 'Be kind.',
      config: { model: 'acme/one', temperature: 1, provider: { sort: 'price' } },
    })
    expect(JSON.stringify(kept)).not.toContain('secret')
  })

  test('is the same from every format', () => {
    const messages = contentOf('anthropic-messages', {
      model: 'acme/one',
      system: 'Be kind.',
      max_tokens: 50,
      temperature: 1,
      stop_sequences: ['END'],
      tools: [{ name: 'f', input_schema: SCHEMA }],
      provider: { sort: 'price' },
      messages: [{ role: 'user', content: 'a secret' }],
    })
    const responses = contentOf('openai-responses', {
      model: 'acme/one',
      instructions: 'Be kind.',
      max_output_tokens: 50,
      temperature: 1,
      tools: [{ type: 'function', name: 'f', parameters: SCHEMA }],
      provider: { sort: 'price' },
      input: 'a secret',
    })
    expect(messages).toMatchObject({
      systemPrompt: 'Be kind.',
      config: {
        model: 'acme/one',
        max_tokens: 50,
        temperature: 1,
        stop: ['END'],
        provider: { sort: 'price' },
      },
    })
    expect(messages.config['tools']).toMatchObject([{ function: { name: 'f' } }])
    expect(responses).toMatchObject({
      systemPrompt: 'Be kind.',
      config: { temperature: 1, provider: { sort: 'price' } },
    })
    expect(JSON.stringify([messages, responses])).not.toContain('secret')
  })

  test('is refused like the request that it is', () => {
    expect(() => contentOf('openai-chat', { temperature: 'hot' })).toThrow(/temperature/)
  })
})

describe('whatever JSON comes', () => {
  const FIELDS = [
    'model',
    'models',
    'preset',
    'messages',
    'input',
    'system',
    'instructions',
    'contents',
    'generationConfig',
    'tools',
    'tool_choice',
    'reasoning',
    'thinking',
    'response_format',
    'text',
    'stop',
    'provider',
    'temperature',
    'max_tokens',
    'plugins',
  ]
  const anyBody = fc.dictionary(fc.constantFrom(...FIELDS), fc.jsonValue({ maxDepth: 3 }), { maxKeys: 8 })
  const refused = (work: () => unknown): void => {
    try {
      work()
    } catch (error) {
      expect(error).toBeInstanceOf(GatewayError)
    }
  }

  test('a preset is taken in or refused with a sentence, in every format', () => {
    fc.assert(
      fc.property(anyBody, anyBody, fc.constantFrom(...Object.keys(SAID)), (body, config, dialect) => {
        refused(() => apply(dialect, { ...body, preset: 'x' }, undefined, { systemPrompt: 'a', config }))
      }),
      { numRuns: 400 },
    )
  })

  test('a preset is made of it or refused with a sentence', () => {
    const formats = fc.constantFrom('openai-chat', 'anthropic-messages', 'openai-responses')
    fc.assert(
      fc.property(anyBody, formats, (body, format) => refused(() => contentOf(format, body))),
      { numRuns: 400 },
    )
  })
})
