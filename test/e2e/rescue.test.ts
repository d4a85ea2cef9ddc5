import OpenAI from 'openai'
import { afterAll, beforeAll, beforeEach, describe, expect, it, vi } from 'vitest'
import { type RunningGateway, startGateway } from '../harness/gateway.ts'
import { freshDatabase, hasPostgres } from '../harness/postgres.ts'
import { chatEvents, chatStream, type FakeUpstream, fakeUpstream, sse } from '../upstream/index.ts'
import { expectSound, type LedgerBook, postgresBook, sqliteBook, standing, topUp } from './rig/books.ts'
import { ask, type Seen } from './rig/client.ts'
import { type ConfiguredProvider, configOf, MODEL, PROMPT_NANOS } from './rig/provider.ts'

vi.setConfig({ testTimeout: 60_000 })

const WORDS = 'A broken answer is finished by another provider and paid for once .'
  .split(' ')
  .map((word) => `${word} `)
const WHOLE = WORDS.join('')
const TOKENS = WORDS.length
const FACTS = { usage: { prompt_tokens: 10, completion_tokens: TOKENS } }
/** $100 and $300 a million completion tokens. */
const PRICES = { first: 100_000n, second: 300_000n }
const BROKEN = sse(chatEvents(WORDS).slice(0, 9), { ending: 'cut', gapMs: 5 })
/** Four characters a token, as the gateway estimates. */
const SENT = BigInt(Math.ceil(WORDS.slice(0, 8).join('').length / 4))

describe.each(['sqlite', 'postgres'] as const)('a rescued answer on %s', (engine) => {
  describe.skipIf(engine === 'postgres' && !hasPostgres)('is', () => {
    let first: FakeUpstream
    let second: FakeUpstream
    let gateway: RunningGateway
    let book: LedgerBook
    let dropDatabase = async () => {}

    beforeAll(async () => {
      first = await fakeUpstream({ script: BROKEN })
      second = await fakeUpstream({ script: chatStream(WORDS, FACTS) })
      let more = ''
      if (engine === 'postgres') {
        const database = await freshDatabase()
        dropDatabase = database.drop
        more = `database: "${database.url}"\n`
        book = await postgresBook(database.url)
      }
      const providers: ConfiguredProvider[] = [
        { id: 'first', url: first.url, completion: '100' },
        { id: 'second', url: second.url, completion: '300' },
      ]
      gateway = await startGateway({ config: configOf(providers, more) })
      if (engine === 'sqlite') book = sqliteBook(gateway.dataDir)
      await topUp(gateway, 10)
    })

    // Five failures in a row would open the breaker of the first.
    beforeEach(async () => {
      first.play(chatStream(WORDS, FACTS))
      expect((await ask(gateway, request({ only: ['first'] }))).complete).toBe(true)
      first.play(BROKEN)
    })

    afterAll(async () => {
      await book.close()
      await gateway.remove()
      await first.close()
      await second.close()
      await dropDatabase()
    })

    const request = (provider: object = {}) => ({
      model: MODEL,
      messages: [{ role: 'user', content: 'hello' }],
      max_tokens: 100,
      stream: true,
      provider: { order: ['first', 'second'], ...provider },
    })
    const linesOf = async ({ id }: Seen) => {
      const rows = await book.rows(
        `select e.account_id as account, e.amount_nanos as nanos from journals j
         join entries e on e.journal_id = j.id where j.reference = '${id}' order by e.line`,
      )
      return new Map(rows.map(({ account, nanos }) => [String(account), BigInt(String(nanos))]))
    }

    it('charged once, at the price of who finished it; the rest is the insurance of the platform', async () => {
      const before = await standing(gateway)
      const seen = await ask(gateway, request())
      expect(seen.complete).toBe(true)
      expect(textOf(seen)).toBe(WHOLE)
      const price = 10n * PROMPT_NANOS + BigInt(TOKENS) * PRICES.second
      expect(seen.costNanos).toBe(price)
      expect(before.available - (await standing(gateway)).available).toBe(price)
      const lines = await linesOf(seen)
      const partial = lines.get('payable:first')!
      // The prompt is estimated, since the first provider told no usage.
      expect(partial).toBeGreaterThan(SENT * PRICES.first)
      expect(partial).toBeLessThan(SENT * PRICES.first + 100n * PROMPT_NANOS)
      expect(Object.fromEntries(lines)).toEqual({
        'org:default:credit': -price,
        'rev:usage': price,
        'cost:second': -price,
        'platform:insurance': -partial,
        'payable:first': partial,
        'payable:second': price,
      })
      expect(await expectSound(gateway)).toMatchObject({ held: 0n, open: 0 })
    })

    it('told in its waybill: both tries, how it went on, and where', async () => {
      const seen = await ask(gateway, request())
      const { body } = await gateway.call('GET', `/waybills/${seen.id}`)
      expect(body.data.attempts).toMatchObject([
        { provider: 'first', outcome: 'provider_cut', rescued_by: null },
        {
          provider: 'second',
          outcome: 'ok',
          rescued_by: 'restart',
          rescued_at: WORDS.slice(0, 8).join('').length,
        },
      ])
      const told = await gateway.call('GET', `/generation?id=${seen.id}`)
      expect(told.body.data).toMatchObject({ provider_name: 'second', tokens_completion: TOKENS })
    })

    it('one answer to the official client, by Chat Completions and by Responses', async () => {
      const client = new OpenAI({ apiKey: gateway.key, baseURL: `${gateway.url}/api/v1`, maxRetries: 0 })
      const provider = { order: ['first', 'second'] }
      const messages = [{ role: 'user' as const, content: 'hello' }]
      const chat = client.chat.completions.stream({ model: MODEL, messages, ...{ provider } })
      const completion = await chat.finalChatCompletion()
      expect(completion.choices[0]!.message.content).toBe(WHOLE)
      expect(completion.choices[0]!.finish_reason).toBe('stop')
      const responses = client.responses.stream({ model: MODEL, input: 'hello', ...{ provider } })
      const deltas: string[] = []
      responses.on('response.output_text.delta', ({ delta }) => deltas.push(delta))
      const response = await responses.finalResponse()
      expect(response.output_text).toBe(WHOLE)
      expect(deltas.join('')).toBe(WHOLE)
      expect(response.status).toBe('completed')
    })

    it('not one when nobody could finish it: an error, charged 0, both providers paid by the insurance', async () => {
      second.play(chatStream(['Something else altogether.'], FACTS))
      const before = await standing(gateway)
      const seen = await ask(gateway, request())
      second.play(chatStream(WORDS, FACTS))
      expect(seen.complete).toBe(false)
      expect(seen.text).toContain('"finish_reason":"error"')
      expect(seen.text).not.toContain('Something')
      await expect.poll(() => standing(gateway)).toMatchObject({ available: before.available, held: 0n })
      const lines = await linesOf(seen)
      expect([...lines.keys()].toSorted()).toEqual(['payable:first', 'payable:second', 'platform:insurance'])
      await expectSound(gateway)
    })

    it('not wanted by a request that says so', async () => {
      const asked = second.requests.length
      const seen = await ask(gateway, request({ rescue: 'off' }))
      expect(seen.text).toContain('"finish_reason":"error"')
      expect(second.requests).toHaveLength(asked)
      const wrong = await ask(gateway, request({ rescue: 'please' }))
      expect(wrong.status).toBe(400)
      expect(wrong.text).toContain('provider.rescue')
    })

    it('resolved by a restart when the gateway is killed meanwhile: what was delivered is charged', async () => {
      second.play({ act: 'hang' })
      const asked = second.requests.length
      const before = await standing(gateway)
      const asking = ask(gateway, request())
      await second.received(asked + 1)
      // The checkpoint is written behind the dispatch.
      await expect
        .poll(() => book.rows("select state from holds where state = 'streaming' and attempt = 2"))
        .toHaveLength(1)
      await gateway.kill()
      expect((await asking).complete).toBe(false)
      second.play(chatStream(WORDS, FACTS))
      gateway = await gateway.restart()
      if (engine === 'sqlite') await expectSound(gateway)
      await expect
        .poll(async () => (await standing(gateway)).held, { timeout: 45_000, interval: 500 })
        .toBe(0n)
      const charged = before.posted - (await standing(gateway)).posted
      expect(charged).toBeGreaterThanOrEqual(SENT * PRICES.second)
      expect(charged).toBeLessThan(SENT * PRICES.second + 100n * PROMPT_NANOS)
      await expectSound(gateway)
    })
  })
})

function textOf({ text }: Seen): string {
  return text
    .split('\n\n')
    .filter((frame) => frame.startsWith('data: {'))
    .map((frame) => JSON.parse(frame.slice(6)).choices?.[0]?.delta?.content ?? '')
    .join('')
}
