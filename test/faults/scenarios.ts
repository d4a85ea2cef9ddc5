import { chatStream } from '../upstream/index.ts'
import { chatEvents } from '../upstream/openai-chat.ts'
import { json, type Step, sse } from '../upstream/step.ts'
import type { Seen } from './surfaces.ts'

/** The answer of every healthy endpoint: sixty words, a token each. */
export const WORDS = (
  'A gateway is easy to trust while every provider behind it answers well. Its worth shows on the day one of them ' +
  'refuses, stalls, or breaks off in the middle of a sentence. Then the caller should still get the whole answer, ' +
  'once, in order, and billed fairly, or else an honest error that says plainly what went wrong today.'
)
  .split(' ')
  .map((word, i) => (i === 0 ? word : ` ${word}`))
export const ANSWER = WORDS.join('')

/** How long things take, and by when they have to be over. `fast` scales what waits; the faults are the same. */
export interface Timing {
  readonly name: 'full' | 'fast'
  /** `timeouts` of the configuration. */
  readonly timeouts: string
  /** Between two tokens, ms. */
  readonly gapMs: number
  readonly slowFirstTokenMs: number
  readonly downMs: number
  /** Between two requests while the primary flaps, ms. */
  readonly everyMs: number
  /** Bounds, ms. */
  readonly silent: number
  readonly slow: number
  readonly stall: number
  readonly recovery: number
  /** After which a call counts as hung, ms. */
  readonly patienceMs: number
}

export const FULL: Timing = {
  name: 'full',
  timeouts: '{ connect: 5s, first_token: auto, idle: 30s }',
  gapMs: 15,
  slowFirstTokenMs: 20_000,
  downMs: 60_000,
  everyMs: 4_000,
  silent: 30_000,
  slow: 15_000,
  stall: 45_000,
  recovery: 30_000,
  patienceMs: 130_000,
}

export const FAST: Timing = {
  name: 'fast',
  timeouts: '{ connect: 5s, first_token: 3s, idle: 3s }',
  gapMs: 2,
  slowFirstTokenMs: 12_000,
  downMs: 4_000,
  everyMs: 400,
  silent: 9_000,
  slow: 9_000,
  stall: 10_000,
  recovery: 30_000,
  patienceMs: 30_000,
}

/** One request that a provider got. */
export interface Asked {
  readonly model: string
  /** Monotonic ms. */
  readonly at: number
  /** Role of the last message. */
  readonly lastRole: string
}

/** Both sides of one call. */
export interface Case {
  readonly seen: Seen
  readonly primary: readonly Asked[]
  readonly spare: readonly Asked[]
  /** Model that is to stand in. */
  readonly spareModel: string
  readonly timing: Timing
}

export interface Scenario {
  readonly id: string
  readonly title: string
  /** What has to be seen, for the page of results. */
  readonly bound: string
  /** The nth answer (1-based) of the primary. */
  readonly primary: (nth: number, timing: Timing) => Step
  /** The stand-in refuses a conversation that ends with the assistant. */
  readonly refusesPrefix?: true
  /** What is wrong, or null. */
  readonly judge: (it: Case) => string | null
}

const usage = { prompt_tokens: 21, completion_tokens: WORDS.length }

export const healthy = ({ gapMs }: Timing): Step => chatStream(WORDS, { usage }, { gapMs })

/** The stream up to `count` tokens, then `ending`. */
function broken(count: number, ending: 'cut' | 'stall', { gapMs }: Timing): Step {
  return sse(chatEvents(WORDS).slice(0, count + 1), { ending, gapMs })
}

const limited = (headers: Record<string, string> = {}) =>
  json(429, { error: { message: 'slow down', code: 'rate_limit_exceeded' } }, headers)
const overloaded = json(503, { error: { message: 'the engine is overloaded', code: 'overloaded' } })

function malformed({ gapMs }: Timing): Step {
  const events = chatEvents(WORDS, { usage })
  const bad = 'data: {"id":"chatcmpl-1","object":"chat.completion.chunk","choices":[{"delta":{"content":\n\n'
  return sse([...events.slice(0, 10), bad, ...events.slice(10)], { gapMs })
}

/** First what is wrong of several. */
const all =
  (...checks: ((it: Case) => string | null | false)[]) =>
  (it: Case): string | null => {
    for (const check of checks) {
      const wrong = check(it)
      if (wrong) return wrong
    }
    return null
  }

const whole = ({ seen }: Case) => {
  if (seen.error !== null) return `error: ${seen.error}`
  if (!seen.finished) return 'the stream has no good end'
  return seen.text !== ANSWER && `the answer is not the whole one: ${JSON.stringify(seen.text.slice(-80))}`
}
const reported = ({ seen }: Case) => seen.outputTokens === null && 'no usage was reported'
const within = (bound: keyof Timing | number) => (it: Case) => {
  const most = typeof bound === 'number' ? bound : Number(it.timing[bound])
  return it.seen.ms > most && `it took ${Math.round(it.seen.ms)} ms, ${most} at most`
}
const tries = (least: number, most: number) => (it: Case) => {
  const n = it.primary.length
  return (n < least || n > most) && `the primary was asked ${n} times, ${least} to ${most} expected`
}
const atMostWithin = (most: number, ms: number) => (it: Case) => {
  const n = it.primary.filter(({ at }) => at - it.primary[0]!.at < ms).length
  return n > most && `${n} tries within ${ms} ms, ${most} at most`
}
const fromSpare = (it: Case) => it.spare.length === 0 && 'the stand-in was not asked'
const told = (model: (it: Case) => string) => (it: Case) =>
  it.seen.model !== model(it) && `told the model ${it.seen.model}, not ${model(it)}`

export const SCENARIOS: readonly Scenario[] = [
  {
    id: '01',
    title: '429 with Retry-After 2, no other endpoint of the model',
    bound: 'the same endpoint answers after about 2 s; one retry',
    primary: (nth, timing) => (nth === 1 ? limited({ 'retry-after': '2' }) : healthy(timing)),
    judge: all(whole, reported, tries(2, 2), ({ primary }) => {
      const gap = primary[1]!.at - primary[0]!.at
      return (gap < 1_800 || gap > 4_000) && `retried after ${Math.round(gap)} ms`
    }),
  },
  {
    id: '02',
    title: '429 without Retry-After, every time',
    bound: 'at most 4 tries in 3 s, 6 in all; the stand-in answers',
    primary: () => limited(),
    judge: all(whole, fromSpare, tries(1, 6), atMostWithin(4, 3_000)),
  },
  {
    id: '03',
    title: '500 once',
    bound: 'the same provider answers the second try',
    primary: (nth, timing) => (nth === 1 ? json(500, { error: { message: 'internal' } }) : healthy(timing)),
    judge: all(whole, tries(2, 2)),
  },
  {
    id: '04',
    title: '503 every time',
    bound: 'at most 6 tries; the stand-in answers',
    primary: () => overloaded,
    judge: all(whole, fromSpare, tries(1, 6)),
  },
  {
    id: '05',
    title: 'a reset before the head, once',
    bound: 'answered',
    primary: (nth, timing) => (nth === 1 ? { act: 'reset' } : healthy(timing)),
    judge: all(whole, tries(1, 2)),
  },
  {
    id: '06',
    title: 'no response for 120 s',
    bound: 'one try, then the stand-in answers',
    primary: () => ({ act: 'hang' }),
    judge: all(whole, fromSpare, tries(1, 1), within('silent')),
  },
  {
    id: '07',
    title: 'first token after 20 s',
    bound: 'answered within 15 s',
    primary: (_, timing) => ({ ...healthy(timing), bodyDelayMs: timing.slowFirstTokenMs }),
    judge: all(whole, within('slow')),
  },
  {
    id: '08',
    title: 'cut after 40 of 60 tokens',
    bound: 'the whole answer, from the stand-in on',
    primary: (_, timing) => broken(40, 'cut', timing),
    judge: all(whole, reported, fromSpare, tries(1, 1), told(primaryModel)),
  },
  {
    id: '09',
    title: 'a stall of 30 s after 20 tokens',
    bound: 'the whole answer within 45 s',
    primary: (_, timing) => broken(20, 'stall', timing),
    judge: all(whole, reported, fromSpare, within('stall'), told(primaryModel)),
  },
  {
    id: '10',
    title: 'the tenth event is malformed',
    bound: 'the whole answer, recovered in place',
    primary: (_, timing) => malformed(timing),
    judge: all(whole, reported, tries(1, 1), ({ spare }) => spare.length > 0 && 'the stand-in was asked'),
  },
  {
    id: '11',
    title: 'complete, but without `[DONE]`, the connection left open',
    bound: 'finished within 8 s, usage reported',
    primary: (_, { gapMs }) => chatStream(WORDS, { usage, done: false }, { gapMs, ending: 'stall' }),
    judge: all(whole, reported, tries(1, 1), within(8_000)),
  },
  {
    id: '12',
    title: 'context length exceeded',
    bound: 'one try; the stand-in with more room answers',
    primary: () =>
      json(400, { error: { message: 'maximum context length is 8192', code: 'context_length_exceeded' } }),
    judge: all(whole, fromSpare, tries(1, 1)),
  },
  {
    id: '13',
    title: 'refused by a content filter',
    bound: 'one try, a clean error, no routing around it',
    primary: () => json(400, { error: { message: 'rejected by safety', code: 'content_policy_violation' } }),
    judge: all(
      tries(1, 1),
      ({ spare }) => spare.length > 0 && 'the refusal was routed around',
      ({ seen }) => seen.status !== 400 && `status ${seen.status}`,
      ({ seen }) => !seen.error?.includes('rejected by safety') && `error: ${seen.error}`,
    ),
  },
  {
    id: '14',
    title: 'cut after 40 tokens; the stand-in rejects an assistant prefix',
    bound: 'the whole answer; its 400 never reaches the caller',
    refusesPrefix: true,
    primary: (_, timing) => broken(40, 'cut', timing),
    judge: all(whole, fromSpare, tries(1, 1), ({ spare }) => {
      const roles = spare.map(({ lastRole }) => lastRole).join(', ')
      return roles !== 'assistant, user' && `the stand-in was asked with: ${roles}`
    }),
  },
  {
    id: '16',
    title: 'fail-over accounting: 503 every time',
    bound: "model and usage are the stand-in's; failed attempts are not billed",
    primary: () => overloaded,
    judge: all(
      whole,
      fromSpare,
      told(({ spareModel }) => spareModel),
      ({ seen }) => seen.outputTokens !== WORDS.length && `${seen.outputTokens} output tokens`,
    ),
  },
]

export const FLAP: Omit<Scenario, 'primary' | 'judge'> = {
  id: '15',
  title: 'the primary flaps: down for 60 s, then healthy',
  bound: 'served throughout; back within 30 s of the recovery; fewer tries of the primary than requests',
}

function primaryModel({ primary }: Case): string {
  return primary[0]!.model
}
