import { describe, expect, test } from 'vitest'
import { chat, droppedBy, encode, type Loose, sent, target } from './encode.fixture.ts'

describe('a chat request for Anthropic', () => {
  test('goes to /v1/messages with the version of the API and the limit that the API demands', () => {
    const { path, headers, body } = sent({})
    expect(path).toBe('/v1/messages')
    expect(headers).toEqual([['anthropic-version', '2023-06-01']])
    expect(body).toEqual({
      model: 'claude-sonnet-4-6',
      max_tokens: 64_000,
      messages: [{ role: 'user', content: [{ type: 'text', text: 'Hi' }] }],
    })
    expect(sent({ max_tokens: 7 }).body['max_tokens']).toBe(7)
    expect(sent({}, target('claude-3-haiku', { maxOutput: null })).body['max_tokens']).toBe(4096)
  })

  test('tells leading system messages as the system prompt and later ones in the turn of the user', () => {
    const { body } = sent({
      messages: [
        { role: 'system', content: 'Be brief.' },
        {
          role: 'developer',
          content: [{ type: 'text', text: 'Be kind.', cache_control: { type: 'ephemeral', ttl: '1h' } }],
        },
        { role: 'user', content: 'Hi', name: 'Ann' },
        { role: 'system', content: 'Now in French.' },
      ],
    })
    expect(body['system']).toEqual([
      { type: 'text', text: 'Be brief.' },
      { type: 'text', text: 'Be kind.', cache_control: { type: 'ephemeral', ttl: '1h' } },
    ])
    expect(body['messages']).toEqual([
      {
        role: 'user',
        content: [
          { type: 'text', text: 'Ann: Hi' },
          { type: 'text', text: '<system>\nNow in French.\n</system>' },
        ],
      },
    ])
  })

  test('puts results of tools first in one turn, with images, errors apart from text, ids made fit', () => {
    const { body } = sent({
      messages: [
        { role: 'user', content: 'Look' },
        {
          role: 'assistant',
          content: null,
          tool_calls: [
            { id: 'call.1', type: 'function', function: { name: 'a', arguments: '{"x":1}' } },
            { id: 'call_2', type: 'function', function: { name: 'b', arguments: '' } },
            { id: 'call_3', type: 'function', function: { name: 'c', arguments: 'not json' } },
          ],
        },
        { role: 'tool', tool_call_id: 'call.1', content: 'one' },
        { role: 'user', content: 'And?' },
        {
          role: 'tool',
          tool_call_id: 'call_2',
          content: [
            { type: 'text', text: 'two' },
            {
              type: 'image_url',
              image_url: { url: 'data:image/png;base64,AAAA' },
              cache_control: { type: 'ephemeral' },
            },
          ],
        },
      ],
    })
    expect(body['messages'][1].content).toEqual([
      { type: 'tool_use', id: 'call_1', name: 'a', input: { x: 1 } },
      { type: 'tool_use', id: 'call_2', name: 'b', input: {} },
      { type: 'tool_use', id: 'call_3', name: 'c', input: { arguments: 'not json' } },
    ])
    expect(body['messages'][2].content).toEqual([
      { type: 'tool_result', tool_use_id: 'call_1', content: 'one' },
      {
        type: 'tool_result',
        tool_use_id: 'call_2',
        content: [
          { type: 'text', text: 'two' },
          { type: 'image', source: { type: 'base64', media_type: 'image/png', data: 'AAAA' } },
        ],
        cache_control: { type: 'ephemeral' },
      },
      { type: 'text', text: 'And?' },
    ])
  })

  test('takes images and files by URL and as data, and names what it cannot take', () => {
    const { body, dropped } = sent({
      messages: [
        {
          role: 'user',
          content: [
            { type: 'image_url', image_url: { url: 'https://x.y/z.png' } },
            { type: 'file', file: { filename: 'a.pdf', file_data: 'data:application/pdf;base64,QQ==' } },
            { type: 'file', file: { filename: 'b.pdf', file_data: 'https://x.y/b.pdf' } },
            { type: 'file', file: { filename: 'c.txt', file_data: 'data:text/plain;base64,SGnDpA==' } },
            { type: 'file', file: { file_data: 'data:application/msword;base64,QQ==' } },
            { type: 'input_audio', input_audio: { data: 'QQ==', format: 'wav' } },
            { type: 'video_url', video_url: { url: 'https://x.y/v.mp4' } },
            { type: 'text', text: '  ' },
          ],
        },
      ],
    })
    expect(body['messages'][0].content).toEqual([
      { type: 'image', source: { type: 'url', url: 'https://x.y/z.png' } },
      {
        type: 'document',
        source: { type: 'base64', media_type: 'application/pdf', data: 'QQ==' },
        title: 'a.pdf',
      },
      { type: 'document', source: { type: 'url', url: 'https://x.y/b.pdf' }, title: 'b.pdf' },
      { type: 'document', source: { type: 'text', media_type: 'text/plain', data: 'Hiä' }, title: 'c.txt' },
    ])
    expect(dropped.map(({ parameter }) => parameter)).toEqual(['file', 'input_audio', 'video_url'])
  })

  test('continues a trailing turn of the assistant, without white space at its end', () => {
    const { body } = sent({
      messages: [
        { role: 'user', content: 'Count' },
        { role: 'assistant', content: 'One, two, ' },
      ],
    })
    expect(body['messages'].at(-1)).toEqual({
      role: 'assistant',
      content: [{ type: 'text', text: 'One, two,' }],
    })
  })

  test('always begins with the user', () => {
    const only = sent({ messages: [{ role: 'system', content: 'Say hi.' }] }).body
    expect(only).toMatchObject({ messages: [{ role: 'user', content: [{ text: 'Say hi.' }] }] })
    expect(only).not.toHaveProperty('system')
    const begun = sent({
      messages: [
        { role: 'assistant', content: 'Hello' },
        { role: 'user', content: 'Hi' },
      ],
    }).body
    expect(begun['messages'].map(({ role }: Loose) => role)).toEqual(['user', 'assistant', 'user'])
  })

  test('names every parameter that the API has no words for', () => {
    const body = {
      seed: 1,
      n: 2,
      frequency_penalty: 1,
      presence_penalty: 1,
      repetition_penalty: 1,
      min_p: 0.1,
      top_a: 0.1,
      logit_bias: { 1: 1 },
      logprobs: true,
      top_logprobs: 2,
      prediction: { type: 'content', content: 'x' },
      web_search_options: {},
      modalities: ['text', 'image'],
      response_format: { type: 'json_object' },
      service_tier: 'flex',
    }
    expect(droppedBy(body).toSorted()).toEqual(Object.keys(body).toSorted())
    expect(Object.keys(sent(body).body).toSorted()).toEqual(['max_tokens', 'messages', 'model'])
  })

  test('keeps stops, tier, user hash, streaming and the automatic cache breakpoint', () => {
    const request = chat({
      stop: ['END', ' '],
      service_tier: 'default',
      stream: true,
      cache_control: { type: 'ephemeral', ttl: '1h' },
    })
    const { body, dropped } = encode({ ...request, endUserHash: 'h4sh' })
    expect(body).toMatchObject({
      stop_sequences: ['END'],
      service_tier: 'standard_only',
      stream: true,
      metadata: { user_id: 'h4sh' },
      cache_control: { type: 'ephemeral', ttl: '1h' },
    })
    expect(dropped).toEqual([{ parameter: 'stop', reason: expect.any(String) }])
  })

  test('keeps the last four cache breakpoints', () => {
    const marked = (text: string) => ({ type: 'text', text, cache_control: { type: 'ephemeral' } })
    const { body, dropped } = sent({
      cache_control: { type: 'ephemeral' },
      tools: [{ type: 'function', function: { name: 't' }, cache_control: { type: 'ephemeral' } }],
      messages: [
        { role: 'system', content: [marked('s')] },
        { role: 'user', content: [marked('a'), marked('b'), marked('c')] },
      ],
    })
    const text = JSON.stringify(body)
    expect(text.match(/cache_control/g)).toHaveLength(4)
    expect(JSON.stringify(body['tools']) + JSON.stringify(body['system'])).not.toContain('cache_control')
    expect(dropped.map(({ parameter }) => parameter)).toEqual(['cache_control'])
  })
})
