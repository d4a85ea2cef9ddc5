import { GatewayError } from '../chat/index.ts'

const RESPONSES =
  'Responses are not stored here (`store` is always false), so none can be read, cancelled or deleted later: keep what the answer holds.'
const CONVERSATIONS =
  'Conversations are not stored here: send the whole conversation in `input`, or make it short with POST /api/v1/responses/compact.'

/** Paths of the APIs that are served here in part, by what stands at them. */
const NOT_KEPT: readonly (readonly [path: RegExp, sentence: string])[] = [
  [/^\/responses\/./, RESPONSES],
  [/^\/conversations(\/|$)/, CONVERSATIONS],
]

/** What official clients of these APIs can call and this gateway has no part in. */
const ELSEWHERE =
  /^\/(messages\/batches|batches|files|uploads|vector_stores|assistants|threads|fine_tuning|evals|containers|realtime|moderations|audio\/translations|images\/(generations|edits|variations)|cachedContents|tunedModels|complete)(\/|$)/

/**
 * The answer for a path of OpenAI's, Anthropic's or Google's API that has no route: 404 for what would have to be kept,
 * 501 for what is not served; undefined for any other path.
 */
export function notKept(path: string): GatewayError | undefined {
  const sentence = NOT_KEPT.find(([pattern]) => pattern.test(path))?.[1]
  if (sentence !== undefined) return new GatewayError('not_found', sentence)
  if (!ELSEWHERE.test(path)) return undefined
  return new GatewayError('not_implemented', `${path.slice(0, 100)} is not served by this version.`)
}
