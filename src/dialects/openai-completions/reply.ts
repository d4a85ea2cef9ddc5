import type { ChatEvent } from '../../chat/index.ts'
import type { ReplyMeta } from '../dialect.ts'
import { type FoldedChoice, fold } from '../fold.ts'
import { type Json, list, object } from '../json.ts'
import { encodeStreamError } from '../openai-chat/errors.ts'
import { encodeCitation } from '../openai-chat/stream.ts'
import { encodeUsage } from '../openai-chat/usage.ts'
import { textLogprobs } from './logprobs.ts'

/** A whole reply as a `text_completion`. An error in the events becomes the choice's `error` beside what was produced. */
export function encodeReply(events: readonly ChatEvent[], meta: ReplyMeta): Json {
  const answer = fold(events)
  const { error } = answer
  const choices = [...answer.choices].toSorted(([a], [b]) => a - b)
  const reply: Json = {
    id: meta.id,
    object: 'text_completion',
    created: meta.created,
    model: meta.model,
    provider: meta.provider,
    system_fingerprint: answer.start?.systemFingerprint ?? null,
    choices: choices.map(([index, choice]) => ({
      index,
      ...encodeChoice(choice, meta),
      ...(error !== null && {
        finish_reason: 'error',
        error: encodeStreamError(error.code, error.message, {}),
      }),
    })),
  }
  if (answer.usage !== null) reply['usage'] = encodeUsage(answer.usage, answer.cost)
  return reply
}

function encodeChoice({ blocks, citations, finish, logprobs }: FoldedChoice, meta: ReplyMeta): Json {
  const { echo = '' } = meta.request ?? {}
  const said = (...kinds: string[]) =>
    blocks
      .filter(({ block }) => kinds.includes(block.kind))
      // The words of sound are text here, which is all that this format knows.
      .map(({ text, summary, audio }) => text || summary || audio.transcript)
      .join('')
  const reasoning = meta.hideReasoning ? '' : said('reasoning')
  const content = logprobs.flatMap((piece) => list(object(piece)?.['content']))
  return {
    text: echo + said('text', 'refusal', 'audio'),
    logprobs: textLogprobs({ content }, echo.length),
    finish_reason: finish?.reason ?? null,
    native_finish_reason: finish?.native ?? null,
    ...(reasoning !== '' && { reasoning }),
    ...(citations.length > 0 && { annotations: citations.map(encodeCitation) }),
  }
}
