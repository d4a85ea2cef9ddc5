import { describe, expect, test } from 'vitest'
import { droppedBy, sent, target } from './encode.fixture.ts'

describe('tools and sampling for Anthropic', () => {
  const fn = {
    name: 'get',
    description: 'Gets.',
    parameters: { type: 'object', properties: { q: { type: 'string', minLength: 2 } } },
  }
  const tools = [{ type: 'function', function: fn, cache_control: { type: 'ephemeral', ttl: '5m' } }]

  test('carry schema, cache marker, choice and the switch for parallel calls', () => {
    const { body } = sent({
      tools,
      tool_choice: { type: 'function', function: { name: 'get' } },
      parallel_tool_calls: false,
    })
    expect(body['tools']).toEqual([
      {
        name: 'get',
        description: 'Gets.',
        input_schema: fn.parameters,
        cache_control: { type: 'ephemeral', ttl: '5m' },
      },
    ])
    expect(body['tool_choice']).toEqual({ type: 'tool', name: 'get', disable_parallel_tool_use: true })
    expect(sent({ tools, parallel_tool_calls: false }).body['tool_choice']).toEqual({
      type: 'auto',
      disable_parallel_tool_use: true,
    })
    expect(sent({ tools, tool_choice: 'required' }).body['tool_choice']).toEqual({ type: 'any' })
    expect(sent({ tools, tool_choice: 'none', parallel_tool_calls: false }).body['tool_choice']).toEqual({
      type: 'none',
    })
    expect(sent({ tool_choice: 'auto' }).body).not.toHaveProperty('tool_choice')
  })

  test('are not forced on a model that refuses it', () => {
    const { body, dropped } = sent({ tools, tool_choice: 'required' }, target('claude-opus-5-5'))
    expect(body['tool_choice']).toEqual({ type: 'auto' })
    expect(dropped.map(({ parameter }) => parameter)).toEqual(['tool_choice'])
  })

  test('are strict where the model can be, with limits told in words', () => {
    const strict = [{ type: 'function', function: { ...fn, strict: true } }]
    expect(sent({ tools: strict }).body['tools'][0]).toMatchObject({
      strict: true,
      input_schema: {
        additionalProperties: false,
        properties: { q: { type: 'string', description: '(minLength: 2)' } },
      },
    })
    expect(droppedBy({ tools: strict }, target('claude-sonnet-4-0'))).toEqual(['tools'])
  })

  test('a schema of the answer becomes output_config.format, or is named for older models', () => {
    const response_format = {
      type: 'json_schema',
      json_schema: {
        name: 'r',
        strict: true,
        schema: {
          type: 'object',
          properties: { a: { oneOf: [{ type: 'integer', minimum: 1 }] } },
          required: ['a'],
        },
      },
    }
    const { body } = sent({ response_format })
    expect(body['output_config'].format).toEqual({
      type: 'json_schema',
      schema: {
        type: 'object',
        properties: { a: { anyOf: [{ type: 'integer', description: '(minimum: 1)' }] } },
        required: ['a'],
        additionalProperties: false,
      },
    })
    expect(droppedBy({ response_format }, target('claude-sonnet-4-0'))).toEqual(['structured_outputs'])
    const listed = target('my-claude', { supportedParameters: ['structured_outputs', 'response_format'] })
    expect(sent({ response_format }, listed).body).toHaveProperty('output_config.format')
  })

  test('sampling is limited to what model and reasoning take', () => {
    const all = { temperature: 1.7, top_p: 0.5, top_k: 3 }
    const old = sent(all, target('claude-sonnet-4-0'))
    expect(old.body).toMatchObject({ temperature: 1, top_p: 0.5, top_k: 3 })
    expect(old.dropped.map(({ parameter }) => parameter)).toEqual(['temperature'])
    expect(droppedBy({ temperature: 0.2, top_p: 0.5 }, target('claude-sonnet-4-5'))).toEqual(['top_p'])
    expect(droppedBy(all, target('claude-opus-4-7')).toSorted()).toEqual([
      'temperature',
      'temperature',
      'top_k',
      'top_p',
    ])
    expect(
      droppedBy(
        { temperature: 0.2, top_k: 3, reasoning: { effort: 'low' } },
        target('claude-sonnet-4-0'),
      ).toSorted(),
    ).toEqual(['temperature', 'top_k'])
    expect(droppedBy({ temperature: 0.2 }, target('claude-sonnet-4-0', { supportedParameters: [] }))).toEqual(
      ['temperature'],
    )
  })

  test('verbosity becomes effort, or is named', () => {
    expect(sent({ verbosity: 'max' }, target('claude-opus-4-5')).body['output_config']).toEqual({
      effort: 'high',
    })
    expect(droppedBy({ verbosity: 'low' }, target('claude-haiku-4-5'))).toEqual(['verbosity'])
  })
})
