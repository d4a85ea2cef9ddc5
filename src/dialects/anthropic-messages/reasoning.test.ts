import { describe, expect, test } from 'vitest'
import { type Loose, sent, target } from './encode.fixture.ts'

describe('reasoning for Anthropic', () => {
  const ask = (reasoning: Loose, model: string, more: Loose = {}) => {
    const { body, dropped } = sent({ reasoning, max_tokens: 10_000, ...more }, target(model))
    return {
      thinking: body['thinking'],
      effort: body['output_config']?.effort,
      dropped: dropped.map(({ parameter }) => parameter),
    }
  }

  test.each([
    ['minimal', 1024],
    ['low', 2000],
    ['medium', 5000],
    ['high', 8000],
    ['xhigh', 9500],
    ['max', 9500],
  ])('as effort %s becomes a budget of %i of 10000 tokens for an older model', (effort, budget_tokens) => {
    expect(ask({ effort }, 'claude-sonnet-4-5')).toEqual({
      thinking: { type: 'enabled', budget_tokens },
      effort: undefined,
      dropped: [],
    })
  })

  test('as a budget is kept between 1024 tokens and the output limit, which must exceed it', () => {
    expect(ask({ max_tokens: 3000 }, 'claude-sonnet-4-5').thinking).toEqual({
      type: 'enabled',
      budget_tokens: 3000,
    })
    expect(ask({ max_tokens: 9 }, 'claude-sonnet-4-5').thinking).toEqual({
      type: 'enabled',
      budget_tokens: 1024,
    })
    expect(ask({ max_tokens: 50_000 }, 'claude-sonnet-4-5').thinking).toEqual({
      type: 'enabled',
      budget_tokens: 9999,
    })
    expect(ask({ effort: 'low' }, 'claude-sonnet-4-5', { max_tokens: 1024 })).toMatchObject({
      thinking: undefined,
      dropped: ['reasoning'],
    })
    const huge = sent({ reasoning: { effort: 'max' } }, target('claude-sonnet-4-5', { maxOutput: 500_000 }))
    expect(huge.body['thinking'].budget_tokens).toBe(128_000)
    const free = sent({ reasoning: { max_tokens: 8000 } }, target('claude-sonnet-4-5', { maxOutput: null }))
    expect(free.body).toMatchObject({ max_tokens: 12_096, thinking: { budget_tokens: 8000 } })
  })

  test('becomes effort for a model that budgets by itself, and its text is asked for', () => {
    expect(ask({ effort: 'xhigh' }, 'claude-sonnet-4-6')).toMatchObject({
      thinking: { type: 'adaptive' },
      effort: 'high',
    })
    expect(ask({ max_tokens: 3000 }, 'claude-sonnet-4-6').thinking).toEqual({
      type: 'enabled',
      budget_tokens: 3000,
    })
    expect(ask({ max_tokens: 8000 }, 'claude-opus-4-8')).toMatchObject({
      thinking: { type: 'adaptive', display: 'summarized' },
      effort: 'high',
    })
    expect(ask({ enabled: true, exclude: true }, 'claude-opus-5')).toMatchObject({
      thinking: { type: 'adaptive', display: 'omitted' },
      effort: 'medium',
    })
  })

  test('is turned off in the way of the model, or named when it cannot be', () => {
    const off = { effort: 'none' }
    expect(ask(off, 'claude-sonnet-4-5')).toEqual({ thinking: undefined, effort: undefined, dropped: [] })
    expect(ask(off, 'claude-opus-5').thinking).toEqual({ type: 'disabled' })
    expect(ask(off, 'claude-sonnet-5-5').thinking).toEqual({ type: 'between_tools' })
    expect(ask(off, 'claude-opus-5-5')).toEqual({
      thinking: undefined,
      effort: 'low',
      dropped: ['reasoning'],
    })
    expect(ask(off, 'claude-opus-5', { verbosity: 'max' })).toMatchObject({ effort: 'high' })
    expect(ask({ effort: 'high' }, 'claude-3-5-haiku-latest').dropped).toEqual(['reasoning'])
  })

  test('goes neither with a forced tool nor with a loop of tools begun without it', () => {
    const tools = [{ type: 'function', function: { name: 't' } }]
    expect(ask({ effort: 'low' }, 'claude-sonnet-4-5', { tools, tool_choice: 'required' })).toMatchObject({
      thinking: undefined,
      dropped: ['reasoning'],
    })
    const messages = [
      { role: 'user', content: 'x' },
      {
        role: 'assistant',
        content: null,
        tool_calls: [{ id: 'c', type: 'function', function: { name: 't', arguments: '{}' } }],
      },
      { role: 'tool', tool_call_id: 'c', content: 'y' },
    ]
    expect(ask({ effort: 'low' }, 'claude-sonnet-4-5', { tools, messages }).dropped).toEqual(['reasoning'])
    const signed = {
      ...messages[1],
      reasoning_details: [
        { type: 'reasoning.text', text: 'hm', signature: 'c2ln', format: 'anthropic-claude-v1' },
      ],
    }
    const { body, dropped } = sent(
      { tools, messages: [messages[0], signed, messages[2]], reasoning: { effort: 'low' } },
      target('claude-sonnet-4-5'),
    )
    expect(dropped).toEqual([])
    expect(body['messages'][1].content[0]).toEqual({ type: 'thinking', thinking: 'hm', signature: 'c2ln' })
  })

  test('of earlier turns is sent back when Claude signed it, else named', () => {
    const details = [
      { type: 'reasoning.text', text: 'hm', signature: 'c2ln', format: 'anthropic-claude-v1', index: 0 },
      { type: 'reasoning.encrypted', data: 'ZW5j', format: 'anthropic-claude-v1', index: 1 },
      { type: 'reasoning.text', text: 'plain', format: 'unknown', index: 2 },
      { type: 'reasoning.encrypted', data: 'b2Fp', format: 'openai-responses-v1', index: 3 },
    ]
    const { body, dropped } = sent({
      messages: [
        { role: 'user', content: 'x' },
        { role: 'assistant', content: 'y', reasoning: 'hm', reasoning_details: details },
        { role: 'user', content: 'z' },
      ],
    })
    expect(body['messages'][1].content).toEqual([
      { type: 'thinking', thinking: 'hm', signature: 'c2ln' },
      { type: 'redacted_thinking', data: 'ZW5j' },
      { type: 'text', text: 'y' },
    ])
    expect(dropped.map(({ parameter }) => parameter)).toEqual(['reasoning_details'])
  })
})
