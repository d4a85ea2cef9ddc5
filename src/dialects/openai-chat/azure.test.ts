import { describe, expect, test } from 'vitest'
import { type Cost, NO_USAGE } from '../../chat/index.ts'
import type { ReplyMeta } from '../dialect.ts'
import { decodeError } from './errors.ts'
import { openaiChat } from './index.ts'

const meta: ReplyMeta = { id: 'gen-1', created: 1, model: 'a/b', provider: 'Azure', hideReasoning: false }
const cost: Cost = { totalNanos: 1n, upstreamPromptNanos: null, upstreamCompletionNanos: null, isByok: false }
const FILTERED = {
  hate: { filtered: true, severity: 'high' },
  jailbreak: { filtered: false, detected: false },
}
const failure = (message: string) => ({
  error: {
    message,
    param: 'prompt',
    code: 'content_filter',
    status: 400,
    innererror: { code: 'ResponsibleAIPolicyViolation', content_filter_result: FILTERED },
  },
})

function through(stream: boolean, text: string) {
  const pipe = openaiChat.createPassthrough!(meta, stream)
  const early = pipe.push(Buffer.from(text))
  pipe.end()
  return { pipe, early: early === null ? '' : Buffer.from(early).toString() }
}

describe("Azure's content filter", () => {
  test('that stops a prompt is a violation of policy, whatever its words are', () => {
    for (const message of ['The response was filtered.', 'Nein.']) {
      expect(decodeError(400, () => undefined, JSON.stringify(failure(message)), 0)).toMatchObject({
        code: 'content_policy_violation',
        providerCode: 'content_filter',
      })
    }
  })

  test('that says so below status 200 is the same', () => {
    const { pipe } = through(false, JSON.stringify(failure('Filtered.')))
    expect(pipe.seen.error).toMatchObject({
      code: 'content_policy_violation',
      providerCode: 'content_filter',
    })
  })

  test('that stops an answer is its finish reason, and its results reach the client', () => {
    const chunk = (choice: object) =>
      `data: ${JSON.stringify({ id: 'c', object: 'chat.completion.chunk', choices: [{ index: 0, ...choice }] })}\n\n`
    const asynchronous = {
      delta: {},
      content_filter_results: FILTERED,
      content_filter_offsets: { check_offset: 0, start_offset: 0, end_offset: 2 },
    }
    const { pipe, early } = through(
      true,
      chunk({ delta: { content: 'Hi' } }) +
        chunk(asynchronous) +
        chunk({ delta: {}, finish_reason: 'content_filter' }) +
        'data: [DONE]\n\n',
    )
    expect(pipe.seen).toMatchObject({ error: null, finish: { reason: 'content_filter' } })
    expect(early).toContain('"content_filter_offsets"')
    expect(Buffer.from(pipe.finish(NO_USAGE, cost)).toString()).toContain('"finish_reason":"content_filter"')
  })

  test('tells its results in a whole answer too', () => {
    const { pipe } = through(
      false,
      JSON.stringify({
        id: 'c',
        choices: [
          {
            index: 0,
            message: { role: 'assistant', content: 'Hi' },
            finish_reason: 'stop',
            content_filter_results: FILTERED,
          },
        ],
        prompt_filter_results: [{ prompt_index: 0, content_filter_results: FILTERED }],
      }),
    )
    const said = JSON.parse(Buffer.from(pipe.finish(NO_USAGE, cost)).toString())
    expect(said.choices[0].content_filter_results).toEqual(FILTERED)
    expect(said.prompt_filter_results).toHaveLength(1)
  })
})
