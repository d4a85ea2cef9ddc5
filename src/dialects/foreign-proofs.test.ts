import { describe, expect, test } from 'vitest'
import type { Quirks } from './dialect.ts'
import { gemini } from './gemini/index.ts'
import { openaiChat } from './openai-chat/index.ts'
import { openaiResponses } from './openai-responses/index.ts'
import { UPSTREAM_DIALECTS } from './registry.ts'

const MODELS: Readonly<Record<string, string>> = {
  gemini: 'gemini-3-pro-preview',
  'openai-responses': 'gpt-5.6',
  'bedrock-converse': 'us.anthropic.claude-sonnet-4-6',
  'bedrock-invoke': 'us.anthropic.claude-sonnet-4-6',
  cohere: 'command-a-reasoning-08-2025',
}

const target = (dialect: string, quirks: Quirks = {}) => ({
  upstreamId: MODELS[dialect] ?? 'claude-sonnet-4-6',
  maxOutput: 8192,
  quirks,
  supportedParameters: null,
})

/** A turn of Gemini's as its clients send it back. */
const signed = gemini.decodeRequest(
  {
    contents: [
      { role: 'user', parts: [{ text: 'hi' }] },
      {
        role: 'model',
        parts: [
          { text: 'I look.', thoughtSignature: 'SIGNEDTEXT' },
          { functionCall: { id: 'c1', name: 'f', args: {} }, thoughtSignature: 'SIGNEDCALL' },
        ],
      },
      { role: 'user', parts: [{ functionResponse: { id: 'c1', name: 'f', response: { output: 'x' } } }] },
    ],
  },
  { path: '/v1beta/models/a/b:generateContent', query: '' },
)

/** A turn of OpenAI's as a Responses client sends it back: nothing tells whose seal it is. */
const sealed = openaiResponses.decodeRequest(
  {
    model: 'a/b',
    input: [
      { role: 'user', content: 'hi' },
      { type: 'reasoning', id: 'rs_1', summary: [], encrypted_content: 'gAAAASEALED' },
      { type: 'message', role: 'assistant', content: [{ type: 'output_text', text: 'ho' }] },
      { role: 'user', content: 'and?' },
    ],
  },
  { path: '/responses', query: '' },
)

const cases = [
  ['signatures of Gemini', signed, 'gemini', /SIGNED/],
  ['sealed reasoning of OpenAI', sealed, 'openai-responses', /SEALED/],
] as const

describe.each(cases)('%s', (_, chat, own, proof) => {
  test.each([...UPSTREAM_DIALECTS])(
    'reach their own family, and are named as dropped elsewhere: %s',
    (id, to) => {
      const { body, dropped } = to.encodeRequest(chat, target(id))
      expect(proof.test(JSON.stringify(body))).toBe(id === own)
      const named = dropped.map(({ parameter }) => parameter)
      expect(named.some((name) => name === 'signature' || name === 'reasoning_details')).toBe(id !== own)
    },
  )

  test('pass through a gateway that keeps details of every family', () => {
    const { body, dropped } = openaiChat.encodeRequest(chat, target('openai-chat', { reasoning: 'object' }))
    expect(JSON.stringify(body)).toMatch(proof)
    expect(dropped).toEqual([])
    const again = openaiChat.decodeRequest({ ...(body as object), model: 'a/b' }, { path: '', query: '' })
    expect(JSON.stringify(again.messages())).toMatch(proof)
  })
})

test('a signature on a call comes back to it by way of Chat Completions', () => {
  const { body } = openaiChat.encodeRequest(signed, target('openai-chat', { reasoning: 'object' }))
  const again = openaiChat.decodeRequest({ ...(body as object), model: 'a/b' }, { path: '', query: '' })
  const { contents } = gemini.encodeRequest(again, target('gemini')).body as {
    contents: { parts: object[] }[]
  }
  expect(contents[1]!.parts).toMatchObject([
    { text: 'I look.', thoughtSignature: 'SIGNEDTEXT' },
    { functionCall: { name: 'f' }, thoughtSignature: 'SIGNEDCALL' },
  ])
})
