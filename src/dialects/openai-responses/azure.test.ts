import { expect, test } from 'vitest'
import type { Quirks, ReplyMeta } from '../dialect.ts'
import { fold } from '../fold.ts'
import { openaiChat } from '../openai-chat/index.ts'
import { openaiResponses } from './index.ts'

const meta: ReplyMeta = { id: 'gen-1', created: 1, model: 'a/b', provider: 'P', hideReasoning: false }
const reply = {
  id: 'r',
  model: 'my-deployment',
  status: 'completed',
  output: [{ type: 'reasoning', id: 'rs_1', summary: [], encrypted_content: 'gAAAz' }],
  content_filters: [],
}
const AZURE = 'azure-openai-responses-v1'

function formatOf(quirks?: Quirks): string | undefined {
  const events = openaiResponses.decodeReply(reply, quirks && { ...meta, quirks })
  const block = fold(events).choices.get(0)?.blocks[0]?.block
  return block?.kind === 'reasoning' ? block.format : undefined
}

test("reasoning is of the family that the provider's data names, else of the one that its answer shows", () => {
  expect([formatOf(), formatOf({ reasoningFormat: AZURE }), formatOf({ reasoningFormat: 'x' })]).toEqual([
    AZURE,
    AZURE,
    'x',
  ])
})

test.each<[string, Quirks, boolean]>([
  ['to a server that names none, which may be an Azure', {}, true],
  ['to Azure', { reasoningFormat: AZURE }, true],
  ['not to another family', { reasoningFormat: 'openai-responses-v1' }, false],
])('sealed reasoning of an Azure goes back %s', (_, quirks, taken) => {
  const messages = [
    { role: 'user', content: 'a' },
    {
      role: 'assistant',
      content: 'b',
      reasoning_details: [{ type: 'reasoning.encrypted', data: 'gAAAz', format: AZURE }],
    },
    { role: 'user', content: 'c' },
  ]
  const chat = openaiChat.decodeRequest({ model: 'a/b', messages }, { path: '', query: '' })
  const target = { upstreamId: 'my-deployment', maxOutput: null, quirks, supportedParameters: null }
  const { body } = openaiResponses.encodeRequest(chat, target)
  expect(JSON.stringify(body).includes('gAAAz')).toBe(taken)
})
