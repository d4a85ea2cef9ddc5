import { describe, expect, it } from 'vitest'
import { anthropicMessages } from './anthropic-messages/index.ts'
import type { AssistantPrefix, WireTarget } from './dialect.ts'
import { openaiChat } from './openai-chat/index.ts'

const target = (more: Partial<WireTarget> = {}): WireTarget => ({
  upstreamId: 'model',
  maxOutput: null,
  quirks: {},
  supportedParameters: null,
  ...more,
})
const PREFIX = { text: 'The answer', tokens: 3 }
const chat = (more: object = {}) =>
  openaiChat.decodeRequest(
    { model: 'a/b', stream: true, messages: [{ role: 'user', content: 'hi' }], ...more },
    { path: '/', query: '' },
  )

describe('the beginning of an answer', () => {
  const asked = (assistantPrefix: AssistantPrefix | undefined, more: object = {}) => {
    const at = target({ quirks: assistantPrefix === undefined ? {} : { assistantPrefix } })
    return openaiChat.continueAnswer!(openaiChat.encodeRequest(chat(more), at), PREFIX, at)?.body as
      | Record<string, unknown>
      | undefined
  }

  it.each([
    ['plain', { content: 'The answer', role: 'assistant' }, {}],
    ['prefix', { content: 'The answer', role: 'assistant', prefix: true }, {}],
    ['partial', { content: 'The answer', role: 'assistant', partial: true }, {}],
    [
      'continue_final_message',
      { content: 'The answer', role: 'assistant' },
      { continue_final_message: true, add_generation_prompt: false },
    ],
  ] as const)('is told in the way of the provider: %s', (way, message, fields) => {
    expect(asked(way)).toMatchObject({ ...fields, messages: [{ role: 'user' }, message] })
  })

  it('is given to no provider that is not known to go on with it', () => {
    expect(asked(undefined)).toBeUndefined()
  })

  it('is given to no model that reasons, asked to or not', () => {
    expect(asked('plain', { reasoning: { effort: 'high' } })).toBeUndefined()
    const at = target({ quirks: { assistantPrefix: 'plain' }, supportedParameters: ['reasoning', 'tools'] })
    expect(openaiChat.continueAnswer!(openaiChat.encodeRequest(chat(), at), PREFIX, at)).toBeNull()
  })

  it('is not given behind one that the client wrote itself', () => {
    const messages = [
      { role: 'user', content: 'hi' },
      { role: 'assistant', content: 'Well' },
    ]
    expect(asked('plain', { messages })).toBeUndefined()
  })

  it('takes its room from the limit of the output', () => {
    expect(asked('plain', { max_tokens: 10 })?.['max_tokens']).toBe(7)
    expect(asked('plain', { max_tokens: 3 })).toBeUndefined()
  })

  it('is a turn of the assistant at Claude up to 4.5, and not given to later ones', () => {
    const asked = (upstreamId: string) => {
      const at = target({ upstreamId })
      return anthropicMessages.continueAnswer!(anthropicMessages.encodeRequest(chat(), at), PREFIX, at)
    }
    expect(asked('claude-sonnet-4-5')?.body).toMatchObject({
      messages: [{ role: 'user' }, { role: 'assistant', content: 'The answer' }],
    })
    expect(asked('claude-sonnet-4-6')).toBeNull()
    expect(asked('claude-opus-4-7')).toBeNull()
    expect(asked('some-model')).toBeNull()
  })
})
