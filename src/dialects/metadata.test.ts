import { describe, expect, it } from 'vitest'
import { withMetadata, withStreamMetadata } from './metadata.ts'

const METADATA = { requested: 'acme/größe', attempt: 1 }
const whole = (body: string | Uint8Array) => Buffer.from(withMetadata(body, METADATA)).toString()
const stream = (text: string) => Buffer.from(withStreamMetadata(Buffer.from(text), METADATA)).toString()

describe('metadata in a whole answer', () => {
  it('is its last member', () => {
    expect(JSON.parse(whole('{"id":"x","text":"}ö"}\n'))).toEqual({
      id: 'x',
      text: '}ö',
      openrouter_metadata: METADATA,
    })
    expect(JSON.parse(whole(Buffer.from('{}')))).toEqual({ openrouter_metadata: METADATA })
  })

  it('leaves alone what is no object', () => {
    expect(JSON.parse(whole('[{"error":{}}]'))).toEqual([{ error: {}, openrouter_metadata: METADATA }])
    for (const body of ['', '[1]', '"}"', 'plain text }']) expect(whole(body)).toBe(body)
  })
})

describe('metadata in a stream', () => {
  const told = JSON.stringify(METADATA)

  it('goes into the last chunk before the end mark', () => {
    expect(stream('data: {"a":"ü"}\n\ndata: {"usage":1}\n\ndata: [DONE]\n\n')).toBe(
      `data: {"a":"ü"}\n\ndata: {"usage":1,"openrouter_metadata":${told}}\n\ndata: [DONE]\n\n`,
    )
    expect(stream('data: {"usage":1}\n\ndata: [DONE]\n\n')).toBe(
      `data: {"usage":1,"openrouter_metadata":${told}}\n\ndata: [DONE]\n\n`,
    )
  })

  it('goes into message_stop', () => {
    expect(
      stream('event: x\ndata: {"type":"x"}\n\nevent: message_stop\ndata: {"type":"message_stop"}\n\n'),
    ).toBe(
      `event: x\ndata: {"type":"x"}\n\nevent: message_stop\ndata: {"type":"message_stop","openrouter_metadata":${told}}\n\n`,
    )
  })

  it('goes into the response of a completed one', () => {
    expect(
      stream('event: y\ndata: {"type":"response.completed","response":{"id":"r"},"sequence_number":4}\n\n'),
    ).toBe(
      `event: y\ndata: {"type":"response.completed","response":{"id":"r","openrouter_metadata":${told}},"sequence_number":4}\n\n`,
    )
  })

  it('goes into the last element of an array', () => {
    expect(stream(',\n{"a":{"b":1}}\n]')).toBe(`,\n{"a":{"b":1},"openrouter_metadata":${told}}\n]`)
  })

  it('leaves alone what carries no JSON', () => {
    for (const text of [': comment\n\n', 'data: [DONE]\n\n', 'data: {broken\n\n', ''])
      expect(stream(text)).toBe(text)
  })
})
