/**
 * What is sent and what the mock answers. The model's name tells the mock which workload a request belongs to:
 * `bench-a` and so on; a gateway may rename the model on its way, but must send this name upstream.
 */

/** `A`: whole reply. `B`: 100 events in one burst. `B2`: one event each 20 ms. `C`: like A, with a request of 100 KB. `I`: a stream that says one thing and then nothing. */
export const WORKLOADS = ['A', 'B', 'B2', 'C', 'I'] as const
export type Workload = (typeof WORKLOADS)[number]

/** Events of a stream that carry text. */
export const TEXT_EVENTS = 97
/** Events that a whole stream has, `[DONE]` included: text, finish, usage, `[DONE]`. */
export const STREAM_EVENTS = TEXT_EVENTS + 3
/** Gap between two events of one B2 stream, ms. */
export const GAP_MS = 20
/** Digits of the time (microseconds of the monotonic clock) that each B2 event carries as its text. */
export const STAMP_DIGITS = 15

const SENTENCES = [
  'The harbour office asks that every crate be weighed "as it stands", before the lid is closed.',
  'Freight that arrives after six is kept in the north shed;\nits papers stay with the porter.',
  'A bill names the sender, the carrier and the consignee, and each of them signs one copy.',
  'Where two lines serve the same quay, the cheaper one is taken unless the goods are marked fragile.',
  'Salt, coffee and paper must not share a hold: the first spoils the second, the second the third.',
]

/** `bytes` of prose with line breaks and quotes, the same at every call. */
function prose(bytes: number): string {
  let text = ''
  for (let i = 0; text.length < bytes; i++) text += `${SENTENCES[(i * 7) % SENTENCES.length]} `
  return text.slice(0, bytes)
}

export function upstreamModel(workload: Workload): string {
  return `bench-${workload.toLowerCase()}`
}

/** The JSON of a request: 1.5 KB, for C 100 KB in forty turns. `model` is the name that the contestant knows. */
export function requestBody(workload: Workload, model: string): string {
  const streamed = workload === 'B' || workload === 'B2' || workload === 'I'
  const turns = workload === 'C' ? 40 : 1
  const messages = [{ role: 'system', content: prose(400) }]
  for (let i = 0; i < turns; i++) {
    const text = prose(workload === 'C' ? 2_400 : 850)
    messages.push({ role: i % 2 === 0 ? 'user' : 'assistant', content: text })
  }
  if (turns > 1) messages.push({ role: 'user', content: 'Sum it up.' })
  return JSON.stringify({
    model,
    messages,
    max_tokens: 400,
    temperature: 0.7,
    ...(streamed && { stream: true, stream_options: { include_usage: true } }),
  })
}

const USAGE = {
  prompt_tokens: 312,
  completion_tokens: 97,
  total_tokens: 409,
  prompt_tokens_details: { cached_tokens: 0 },
  completion_tokens_details: { reasoning_tokens: 0 },
}

/** The reply to A and C, about 700 bytes. */
export const WHOLE_REPLY = JSON.stringify({
  id: 'chatcmpl-BxQ2mK7vR9sT4uW1yZ3aC5dE6fG8h',
  object: 'chat.completion',
  created: 1_763_900_000,
  model: 'bench-model-2025-11-01',
  choices: [
    {
      index: 0,
      message: { role: 'assistant', content: prose(260), refusal: null, annotations: [] },
      logprobs: null,
      finish_reason: 'stop',
    },
  ],
  usage: USAGE,
  service_tier: 'default',
  system_fingerprint: 'fp_560af6e559',
})

const CHUNK = {
  id: 'chatcmpl-BxQ2mK7vR9sT4uW1yZ3aC5dE6fG8h',
  object: 'chat.completion.chunk',
  created: 1_763_900_000,
  model: 'bench-model-2025-11-01',
  system_fingerprint: 'fp_560af6e559',
}

function event(more: object): string {
  return `data: ${JSON.stringify({ ...CHUNK, ...more })}\n\n`
}

/** One event with text, about 215 bytes with fifteen characters of it. */
export function textEvent(content: string): string {
  return event({ choices: [{ index: 0, delta: { content }, finish_reason: null }] })
}

export const FINISH_EVENT = event({ choices: [{ index: 0, delta: {}, finish_reason: 'stop' }] })
export const USAGE_EVENT = event({ choices: [], usage: USAGE })
export const DONE_EVENT = 'data: [DONE]\n\n'

/** Fourteen headers, as providers send them. */
const HEADERS = `date: Mon, 24 Nov 2025 09:00:00 GMT
server: cloudflare
openai-organization: bench-organization
openai-processing-ms: 412
openai-version: 2020-10-01
x-ratelimit-limit-requests: 10000
x-ratelimit-limit-tokens: 30000000
x-ratelimit-remaining-requests: 9999
x-ratelimit-remaining-tokens: 29999571
x-ratelimit-reset-requests: 6ms
x-ratelimit-reset-tokens: 0s
x-request-id: req_7f3b2a1c9d8e4f60b5a4c3d2e1f00112
strict-transport-security: max-age=31536000; includeSubDomains; preload
alt-svc: h3=":443"; ma=86400`.replaceAll('\n', '\r\n')

export const WHOLE_HEAD = `HTTP/1.1 200 OK\r\n${HEADERS}\r\ncontent-type: application/json\r\ncontent-length: ${Buffer.byteLength(WHOLE_REPLY)}\r\n\r\n`
export const STREAM_HEAD = `HTTP/1.1 200 OK\r\n${HEADERS}\r\ncontent-type: text/event-stream; charset=utf-8\r\ntransfer-encoding: chunked\r\n\r\n`

/** `text` as one chunk of HTTP's chunked coding. ASCII only. */
export function chunk(text: string): string {
  return `${text.length.toString(16)}\r\n${text}\r\n`
}

export const LAST_CHUNK = '0\r\n\r\n'
