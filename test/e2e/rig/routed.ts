import { type RunningGateway, startGateway } from '../../harness/gateway.ts'
import { chat, chatStream, embeddings, type FakeUpstream, fakeUpstream, json } from '../../upstream/index.ts'

// biome-ignore lint/suspicious/noExplicitAny: JSON of many shapes, read as loosely as a script would
export type Loose = Record<string, any>

/** At `alpha`, which always fails, `beta` and, without a price, `silent`. */
export const MODEL = 'test/model'
/** What `test/rescue` says: at `cutting` only its beginning, at `saving` all of it. */
export const ANSWER = ['The ', 'quick ', 'brown ', 'fox ', 'jumps ', 'over ', 'the ', 'lazy ', 'dog.']

/** A path and a body for each surface. */
export const BODIES: Readonly<Record<string, readonly [path: string, body: Loose]>> = {
  chat: ['/chat/completions', { messages: [{ role: 'user', content: 'Hi' }] }],
  completions: ['/completions', { prompt: 'Hi' }],
  messages: ['/messages', { max_tokens: 50, messages: [{ role: 'user', content: 'Hi' }] }],
  responses: ['/responses', { input: 'Hi' }],
  gemini: [`/models/${MODEL}:generateContent`, { contents: [{ role: 'user', parts: [{ text: 'Hi' }] }] }],
  embeddings: ['/embeddings', { model: 'test/embed', input: 'Hi' }],
}

/** A gateway in front of providers that fail, answer, break off, lack a key or a price. */
export interface Routed {
  readonly gateway: RunningGateway
  readonly alpha: FakeUpstream
  readonly beta: FakeUpstream
  readonly saving: FakeUpstream
  /** Asks for `MODEL`, cheapest first, unless the body says otherwise. */
  send(path: string, body: object, headers?: Record<string, string>): Promise<Response>
  close(): Promise<void>
}

export async function startRouted(): Promise<Routed> {
  const alpha = await fakeUpstream({ script: json(503, { error: { message: 'overloaded' } }) })
  const beta = await fakeUpstream({ script: answers })
  const cutting = await fakeUpstream({
    script: chatStream(ANSWER, {}, { ending: 'cut', endAfter: 900, gapMs: 20 }),
  })
  const saving = await fakeUpstream({ script: chatStream(ANSWER) })
  const provider = (id: string, { url }: FakeUpstream, price: string) => `
  ${id}:
    dialect: openai-chat
    base_url: "${url}/v1"
    api_key: key-of-${id}
    models:
      - { id: ${MODEL}, context_length: 131072, max_output: 8192,
          price: { prompt: "${price}", completion: "4.125", cache_read: "0.1" }, capabilities: [tools] }
      - { id: test/embed, context_length: 8192, price: { prompt: "${price}", completion: "0" }, capabilities: [embeddings] }`
  const gateway = await startGateway({
    config: `
credits: prepaid
providers:${provider('alpha', alpha, '1')}${provider('beta', beta, '2')}
  gamma:
    dialect: openai-chat
    base_url: "${beta.url}/v1"
    api_key: "\${NOT_SET_ANYWHERE}"
  silent:
    dialect: openai-chat
    base_url: "${beta.url}/v1"
    api_key: x
    models:
      - { id: ${MODEL}, context_length: 4096 }
  cutting:
    dialect: openai-chat
    base_url: "${cutting.url}/v1"
    api_key: x
    models: [{ id: test/rescue, price: { prompt: "1", completion: "1" } }]
  saving:
    dialect: openai-chat
    base_url: "${saving.url}/v1"
    api_key: x
    models: [{ id: test/rescue, price: { prompt: "2", completion: "3" } }]
`,
  })
  await gateway.call('POST', '/admin/credits', { amount_usd: 50 }, gateway.operatorKey)
  return {
    gateway,
    alpha,
    beta,
    saving,
    send: (path, body, headers = {}) =>
      fetch(`${gateway.url}/api/v1${path}`, {
        method: 'POST',
        headers: { authorization: `Bearer ${gateway.key}`, ...headers },
        body: JSON.stringify({ model: MODEL, provider: { sort: 'price' }, ...body }),
      }),
    async close() {
      await gateway.remove()
      for (const upstream of [alpha, beta, cutting, saving]) await upstream.close()
    },
  }
}

const cached = {
  prompt_tokens: 10,
  completion_tokens: 3,
  total_tokens: 13,
  prompt_tokens_details: { cached_tokens: 4 },
}

function answers(request: { body: string; path: string; nth: number; headers: Loose }) {
  const script = request.path.endsWith('/embeddings') ? embeddings(9) : chat(['Hel', 'lo'], { usage: cached })
  return (script as (r: typeof request) => object)(request)
}
