import { describe, expect, test } from 'vitest'
import { NO_USAGE } from '../../chat/index.ts'
import type { ReplyMeta } from '../dialect.ts'
import { DIALECTS, translatePipe } from '../index.ts'
import type { Json } from '../json.ts'
import { finishReason, stopReason } from './finish.ts'
import { anthropicMessages } from './index.ts'

const meta: ReplyMeta = {
  id: 'gen-1',
  created: 1,
  model: 'anthropic/claude',
  provider: 'Anthropic',
  hideReasoning: false,
}
const cost = { totalNanos: 1n, upstreamPromptNanos: 1n, upstreamCompletionNanos: 0n, isByok: false }

const paused = (stop: string) =>
  JSON.stringify({
    id: 'msg_1',
    type: 'message',
    role: 'assistant',
    content: [{ type: 'text', text: 'Searching …' }],
    stop_reason: stop,
    usage: { input_tokens: 1, output_tokens: 2 },
  })

const told = (client: string, stop: string): Json => {
  const pipe = translatePipe(anthropicMessages, DIALECTS.get(client)!, meta, false)
  pipe.push(Buffer.from(paused(stop)))
  pipe.end()
  return JSON.parse(Buffer.from(pipe.finish(NO_USAGE, cost)).toString())
}

describe('a turn that the provider paused', () => {
  test.each(['pause_turn', 'compaction'])(
    'by %s is no whole answer to a client of another format',
    (stop) => {
      expect(told('openai-chat', stop)['choices']).toMatchObject([
        { finish_reason: 'length', native_finish_reason: stop },
      ])
      expect(told('openai-responses', stop)).toMatchObject({ status: 'incomplete' })
      expect(told('gemini', stop)['candidates']).toMatchObject([{ finishReason: 'MAX_TOKENS' }])
    },
  )

  test('keeps its own reason for a client of this format', () => {
    expect(stopReason(finishReason('pause_turn'), 'pause_turn')).toBe('pause_turn')
  })
})
