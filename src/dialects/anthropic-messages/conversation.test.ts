import { describe, expect, test } from 'vitest'
import { hasFixtures, recordedCases, WITHOUT_FIXTURES } from '../../../test/fixtures.ts'
import type { ChatRequest } from '../../chat/index.ts'
import { at, encode, type Loose, sent, target } from './encode.fixture.ts'
import { anthropicMessages } from './index.ts'

/** A client's body with the time between two cache breakpoints moved on, as agents do it. */
function conversation(turns: number): Loose[] {
  const messages: Loose[] = [{ role: 'system', content: 'You are an agent.' }]
  for (let i = 0; i < turns; i++) {
    messages.push({ role: 'user', content: `Question ${i}` })
    messages.push({
      role: 'assistant',
      content: i % 3 === 0 ? 'Let me look.' : null,
      reasoning_details: [
        { type: 'reasoning.text', text: `t${i}`, signature: `c2ln${i}`, format: 'anthropic-claude-v1' },
      ],
      tool_calls: [
        { id: `call_${i}a`, type: 'function', function: { name: 'read', arguments: `{"b":${i},"a":1}` } },
        { id: `call_${i}b`, type: 'function', function: { name: 'list', arguments: '{}' } },
      ],
    })
    messages.push({ role: 'tool', tool_call_id: `call_${i}a`, content: `result ${i}` })
    messages.push({ role: 'tool', tool_call_id: `call_${i}b`, content: [{ type: 'text', text: 'more' }] })
    messages.push({ role: 'assistant', content: `Answer ${i}` })
  }
  return messages
}

test('the bytes of a growing conversation of 30 turns extend each other', () => {
  const tools = ['read', 'list'].map((name) => ({
    type: 'function',
    function: { name, parameters: { type: 'object', properties: {} } },
  }))
  const prompt = (body: Loose) => {
    const { messages, ...head } = sent(
      { ...body, reasoning: { effort: 'high' }, max_tokens: 9000 },
      target('claude-sonnet-4-5'),
    ).body
    return JSON.stringify(head) + JSON.stringify(messages)
  }
  let before = ''
  for (let turns = 1; turns <= 30; turns++) {
    const messages = [...conversation(turns), { role: 'user', content: `Question ${turns}` }]
    const bytes = prompt({ tools, messages })
    // Without the brackets that close the last turn.
    expect(bytes.startsWith(before.slice(0, -4))).toBe(true)
    before = bytes
  }
})

const messagesRequests = recordedCases().filter(
  ({ folder, request, response }) =>
    folder === 'anthropic' && request.body !== null && response.status === 200,
)

describe.skipIf(!hasFixtures)(
  `recorded requests to Anthropic${hasFixtures ? '' : ` [${WITHOUT_FIXTURES}]`}`,
  () => {
    test('are all looked at', () => {
      console.log(`${messagesRequests.length} recorded requests decoded and encoded`)
      expect(messagesRequests).toHaveLength(24)
    })

    test.each(messagesRequests.map((it) => [it.id, it.request.body as Loose] as const))(
      'pass unchanged: %s',
      (_, body) => {
        const request = anthropicMessages.decodeRequest(body, at)
        const { body: got, dropped } = encode(request, target(body['model']))
        const { metadata: _told, ...expected } = body
        expect(got).toEqual(expected)
        expect(dropped).toEqual([])
      },
    )

    test.each(messagesRequests.map((it) => [it.id, it.request.body as Loose] as const))(
      'say the same by way of the hub: %s',
      (_, body) => {
        const request = anthropicMessages.decodeRequest(body, at)
        const around = encode({ ...request, dialect: 'elsewhere' }, target(body['model']))
        const again = anthropicMessages.decodeRequest(around.body, at)
        const plain = (it: ChatRequest) => it.messages().filter(({ content }) => content.length > 0)
        expect(plain(again)).toEqual(plain(request))
        expect(again.tools()).toEqual(request.tools())
        const lost = new Set(around.dropped.map(({ parameter }) => parameter))
        const { native, toolChoice, ...values } = request.parameterValues()
        for (const key of Object.keys(native ?? {})) expect(lost).toContain(key)
        const { native: _native, ...got } = again.parameterValues()
        // A choice among no tools is none.
        if (request.tools().length > 0) expect(got.toolChoice).toEqual(toolChoice)
        if (values.verbosity === undefined) expect({ ...got, verbosity: undefined }).toMatchObject(values)
        expect(again.maxOutputTokens).toBe(request.maxOutputTokens)
        expect(again.stream).toBe(request.stream)
      },
    )
  },
)
