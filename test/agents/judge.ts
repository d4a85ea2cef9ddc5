import { BILLED, COUNTED, SEAL } from './formats/format.ts'
import type { Refused } from './page.ts'
import { type Ran, THOUGHTS } from './run.ts'
import type { Exchange } from './tap.ts'
import { TINY, UPSTREAMS, type Upstream } from './upstreams.ts'

/** Something that should have been otherwise, each a sentence. */
export type Faults = readonly string[]

/** Calls that went to a model. */
export const modelCalls = ({ exchanges }: Pick<Ran, 'exchanges'>): readonly Exchange[] =>
  exchanges.filter(({ answered }) => answered['x-generation-id'] !== undefined)

/** What is wrong with a run that should have gone well. */
export async function faultsOf(ran: Ran): Promise<Faults> {
  const faults: string[] = []
  const expect = (right: boolean, sentence: string) => right || faults.push(sentence)
  const { exchanges, provider, words } = ran
  expect(ran.code === 0, `it ended with ${ran.code}`)
  expect(ran.answer?.trim() === words, `answer.txt holds ${JSON.stringify(ran.answer)}`)
  expect(ran.out.includes(`Done: it is ${words}.`), 'the last words did not reach its output')
  for (const { method, path, status, answer } of exchanges)
    expect(status >= 200 && status < 400, `${method} ${path} answered ${status}: ${answer.slice(0, 400)}`)
  for (const { step } of provider.requests)
    expect(step.status === 200, `the provider would refuse: ${JSON.stringify(step.body)}`)
  const calls = modelCalls(ran)
  expect(calls.length === provider.requests.length, 'calls of the agent and of the provider differ in number')
  expect(calls.length >= 3, `there were ${calls.length} calls`)
  for (const { answered } of calls)
    expect(
      /event-stream/.test(answered['content-type'] ?? ''),
      `a call was answered as ${answered['content-type']}`,
    )
  expect(returnsThoughts(ran) || !mustReturn(ran), 'reasoning was lost')
  for (const line of warnings(ran.gateway.log())) faults.push(`the log says ${line}`)
  return [...faults, ...(await moneyFaults(ran, calls))]
}

/** Lines of the log from warnings on. */
function warnings(log: string): string[] {
  return log.split('\n').filter((line) => /"level":(40|50|60)/.test(line))
}

/** Whether the last request to the provider brought back how it had reasoned. */
export function returnsThoughts({ provider }: Ran): boolean {
  const body = provider.requests.at(-1)?.body ?? ''
  return body.includes(SEAL) || THOUGHTS.every((thought) => body.includes(thought))
}

/** Chat Completions of OpenAI has no reasoning to bring back, and clients of Chat Completions bring back text at most. */
function mustReturn({ upstream, exchanges }: Ran): boolean {
  if (exchanges.some(({ path }) => path.includes('/chat/completions'))) return false
  return upstream.dialect !== 'openai-chat' || upstream.provider === 'DeepSeek'
}

/** Each call has its row, with the provider's counts at the price of the list, and the key has paid their sum. */
async function moneyFaults(ran: Ran, calls: readonly Exchange[]): Promise<Faults> {
  const { gateway, upstream, key } = ran
  const faults: string[] = []
  const { body } = await gateway.call('GET', `/models/${upstream.model}/endpoints`)
  const { pricing } = body.data.endpoints.find(
    (it: { provider_name: string }) => it.provider_name === upstream.provider,
  )
  const price = BILLED.prompt * Number(pricing.prompt) + BILLED.completion * Number(pricing.completion)
  for (const { answered } of calls) {
    const { body: found } = await gateway.call('GET', `/generation?id=${answered['x-generation-id']}`)
    const row = found.data
    if (row?.tokens_prompt !== BILLED.prompt || row.tokens_completion !== BILLED.completion)
      faults.push(`${row?.tokens_prompt} and ${row?.tokens_completion} tokens are written down for a call`)
    else if (Math.abs(row.total_cost - price) > 1e-9)
      faults.push(`a call cost ${row.total_cost}, not ${price}`)
    else if (row.model !== upstream.model || row.provider_name !== upstream.provider || !row.streamed)
      faults.push(`a call is written down as of ${row.provider_name} ${row.model}, streamed: ${row.streamed}`)
  }
  const { body: told } = await gateway.call('GET', '/key', undefined, key)
  if (Math.abs(told.data.usage - calls.length * price) > 1e-8)
    faults.push(`the key has spent ${told.data.usage}, not ${calls.length} × ${price}`)
  const { body: ledger } = await gateway.call('GET', '/admin/ledger/verify', undefined, gateway.operatorKey)
  if (ledger.data.ok !== true || ledger.data.holds_open !== 0) faults.push('the ledger is not sound')
  return faults
}

/** What the waybills of a run say that the provider's format could not take. */
export async function droppedIn(ran: Ran): Promise<readonly string[]> {
  const dropped = new Set<string>()
  for (const { answered } of modelCalls(ran)) {
    const { body } = await ran.gateway.call('GET', `/waybills/${answered['x-generation-id']}`)
    for (const parameter of body.data?.dropped_parameters ?? []) dropped.add(parameter)
  }
  return [...dropped].sort()
}

/** A way in which the gateway says no, and what the agent's output has to hold of it. */
export interface Refusal {
  readonly what: string
  readonly status: number
  readonly upstream: Upstream
  readonly says: RegExp
  key(gateway: Ran['gateway']): Promise<string>
}

/** Makes a key that may spend so much, USD. */
export const keyWith =
  (limit: number) =>
  async (gateway: Ran['gateway']): Promise<string> =>
    (await gateway.call('POST', '/keys', { name: 'agent', limit }, gateway.operatorKey)).body.key

export const REFUSALS: readonly Refusal[] = [
  {
    what: 'a key without credit',
    status: 402,
    upstream: UPSTREAMS[0]!,
    says: /limit/i,
    key: keyWith(0.000001),
  },
  {
    what: 'a wrong key',
    status: 401,
    upstream: UPSTREAMS[0]!,
    says: /key/i,
    key: async () => 'sk-wb-v1-wrong',
  },
  {
    what: 'a prompt that the model cannot hold',
    status: 400,
    upstream: TINY,
    says: /context|too long/i,
    key: keyWith(5),
  },
]

/** How the agent took it. It fails when it does not end, ends as if all were well, or hides the cause. */
export function refusedAs({ what, status, says }: Refusal, ran: Ran): Refused {
  const calls = ran.exchanges.filter(({ method }) => method === 'POST')
  const flat = (text: string) => text.replace(/[^\w$.]+/g, ' ')
  const sentences = calls.map(({ answer }) => sentenceOf(answer)).filter((text) => text !== '')
  const told = sentences.some((text) => flat(ran.printed).includes(flat(text)))
  const faults: string[] = []
  if (typeof ran.code !== 'number') faults.push(`it had to be ended: ${ran.code}`)
  if (ran.code === 0 && ran.answer !== null) faults.push('it did its work')
  if (ran.provider.requests.length > 0) faults.push('the provider was asked')
  const other = calls.find((call) => call.status !== status)
  if (other !== undefined || calls.length === 0)
    faults.push(`it was answered ${other?.status}: ${other?.answer.slice(0, 300)}`)
  if (!told && !says.test(ran.printed)) faults.push('its output does not name the cause')
  return { what, faults, status, calls: calls.length, code: ran.code, told }
}

function sentenceOf(answer: string): string {
  try {
    const body = JSON.parse(answer)
    return [body].flat()[0]?.error?.message ?? ''
  } catch {
    return ''
  }
}

/** What is wrong with a run that should have had tokens counted, exactly where the provider counts, and charged nothing. */
export async function countFaults(ran: Ran): Promise<Faults> {
  const faults = ran.code === 0 ? [] : [`it ended with ${ran.code}`]
  const counts = countCalls(ran)
  if (counts.length === 0) faults.push('it had nothing counted')
  const isExact = ran.upstream.dialect === 'anthropic-messages' || ran.upstream.dialect === 'gemini'
  for (const { status, answer } of counts) {
    const { input_tokens: tokens, estimated } = JSON.parse(answer)
    const right = isExact ? tokens === COUNTED && estimated === undefined : tokens > 0 && estimated === true
    if (status !== 200 || !right) faults.push(`a count was answered ${status}: ${answer.slice(0, 200)}`)
  }
  const { body } = await ran.gateway.call('GET', '/key', undefined, ran.key)
  if (body.data.usage !== 0) faults.push(`counting cost ${body.data.usage}`)
  return faults
}

export const countCalls = ({ exchanges }: Ran): readonly Exchange[] =>
  exchanges.filter(({ path }) => path.includes('/count_tokens'))
