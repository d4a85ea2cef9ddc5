import { type FakeUpstream, fakeUpstream } from '../../upstream/index.ts'
import { chatReply, chatStream } from '../../upstream/openai-chat.ts'
import type { Step } from '../../upstream/step.ts'

export const MODEL = 'test/model'

/** USD per million tokens of the priced providers here: 1,000 and 100,000 nano-USD a token. */
export const PRICE = { prompt: '1', completion: '100' } as const
export const PROMPT_NANOS = 1_000n
export const COMPLETION_NANOS = 100_000n

/** What a marked request asks its provider to bill and how to answer. */
export interface Mark {
  readonly n: number
  readonly prompt: number
  readonly completion: number
}

/** A request whose provider will bill just these tokens; the mark travels in the prompt. */
export function marked(mark: Mark, more: Readonly<Record<string, unknown>> = {}): Record<string, unknown> {
  const content = `mark ${mark.n} ${mark.prompt} ${mark.completion}`
  return { model: MODEL, messages: [{ role: 'user', content }], max_tokens: 100, ...more }
}

export function markIn(body: string): Mark {
  const found = /mark (\d+) (\d+) (\d+)/.exec(body)
  if (found === null) throw new Error('the request carries no mark')
  return { n: Number(found[1]), prompt: Number(found[2]), completion: Number(found[3]) }
}

/** What a mark costs at `PRICE`, nano-USD: the provider's book rated anew. */
export function rated({ prompt, completion }: Mark): bigint {
  return BigInt(prompt) * PROMPT_NANOS + BigInt(completion) * COMPLETION_NANOS
}

/** A provider that bills what each request is marked with; `more` may slow it down. */
export function billing(more: (mark: Mark) => Step = () => ({}), words = 5): Promise<FakeUpstream> {
  return fakeUpstream({ script: ({ body }) => billed(body, more, words) })
}

/** One such answer; `words` of five bytes, in a stream an event each. */
export function billed(body: string, more: (mark: Mark) => Step = () => ({}), words = 5): Step {
  const mark = markIn(body)
  const facts = {
    id: `up-${mark.n}`,
    usage: { prompt_tokens: mark.prompt, completion_tokens: mark.completion },
  }
  if (!body.includes('"stream":true')) return chatReply('word '.repeat(words), facts, more(mark))
  return chatStream(Array(words).fill('word '), facts, more(mark))
}

export interface ConfiguredProvider {
  readonly id: string
  readonly url: string
  readonly prompt?: string
  readonly completion?: string
  readonly more?: string
}

/** Text of a waybill.yaml with prepaid credits and providers of one's own that serve `MODEL`. */
export function configOf(providers: readonly ConfiguredProvider[], more = ''): string {
  const blocks = providers.map(
    ({ id, url, prompt = PRICE.prompt, completion = PRICE.completion, more: extra = '' }) => `
  ${id}:
    dialect: openai-chat
    base_url: "${url}/v1"
    api_key: key-of-${id}${extra}
    models:
      - { id: ${MODEL}, upstream_id: upstream-model, context_length: 131072, max_output: 8192,
          price: { prompt: "${prompt}", completion: "${completion}" }, capabilities: [tools, vision] }`,
  )
  return `credits: prepaid\ndetect: false\n${more}providers:${blocks.join('')}\n`
}
