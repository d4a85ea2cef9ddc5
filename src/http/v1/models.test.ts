import { describe, expect, test } from 'vitest'
import { createCatalog } from '../../catalog/index.ts'
import { endpoint, model } from '../../catalog/sample.fixture.ts'
import type { EndpointStats } from '../../routing/index.ts'
import { type ModelsLive, modelsBody } from './models.ts'
import { modelsCountBody } from './models-count.ts'
import { modelsRss } from './models-rss.ts'

const DAY = 86_400
const NOW = 1_800_000_000
const usd = (prompt: number, completion: number) => ({
  prompt: String(prompt * 1e6),
  completion: String(completion * 1e6),
})

const catalog = createCatalog({
  models: [
    model('acme/big', {
      created: NOW - 10 * DAY,
      contextLength: 1_000_000,
      tokenizer: 'GPT',
      supportedParameters: ['tools', 'seed'],
    }),
    model('acme/small', {
      created: NOW - 400 * DAY,
      contextLength: 8_000,
      inputModalities: ['text', 'image'],
    }),
    model('other/unpriced', { created: 0, contextLength: 0 }),
    model('other/embed', {
      created: NOW - 5 * DAY,
      outputModalities: ['embeddings'],
      supportedParameters: [],
    }),
    model('sim/echo', { created: NOW - DAY }),
  ],
  endpoints: [
    endpoint('acme/big', 'acme', usd(5, 25)),
    endpoint('acme/big', 'host/eu', usd(4, 24)),
    endpoint('acme/small', 'acme', usd(0.1, 0.4)),
    endpoint('other/unpriced', 'host', null, { contextLength: 0 }),
    endpoint('other/embed', 'host', { prompt: '20000', completion: '0' }),
    endpoint('sim/echo', 'simulator', usd(1, 1), { simulated: true }),
  ],
})

const stats = (p50: number): EndpointStats => ({
  uptime_last_5m: 100,
  uptime_last_30m: 100,
  uptime_last_1d: 100,
  latency_last_30m: { p50, p75: p50, p90: p50, p99: p50 },
  throughput_last_30m: { p50, p75: p50, p90: p50, p99: p50 },
})
const live: ModelsLive = {
  nowSeconds: NOW,
  stats: (id) => (id === 'acme/small@acme' ? stats(90) : id === 'acme/big@acme' ? stats(40) : undefined),
  calls: (id) =>
    id === 'acme/small' ? { week: 1, ever: 50 } : id === 'acme/big' ? { week: 9, ever: 10 } : undefined,
}

const list = (query: string, facts: ModelsLive = live) =>
  modelsBody(catalog, new URLSearchParams(query), facts).body
const ids = (query: string, facts: ModelsLive = live) => list(query, facts).data.map(({ id }) => id)

describe('the list of models', () => {
  test('without a query is whole, newest first, undated last, text only', () => {
    expect(ids('')).toEqual(['sim/echo', 'acme/big', 'acme/small', 'other/unpriced'])
    expect(list('')).toMatchObject({ total_count: 4, links: { next: null } })
  })

  test('shows the cheapest price, exact, in USD per token', () => {
    const big = list('q=big').data[0]
    expect(big?.pricing).toEqual({ prompt: '0.000004', completion: '0.000024', request: '0' })
    expect(big?.links.details).toBe('/api/v1/models/acme/big/endpoints')
    expect(big?.architecture.modality).toBe('text->text')
  })

  test('never shows an unknown price as zero, and says so', () => {
    const unpriced = list('q=unpriced').data[0]
    expect(unpriced?.pricing).toEqual({ prompt: '-1', completion: '-1' })
    expect(unpriced?.description).toContain('price is not known')
    expect(unpriced?.context_length).toBeNull()
  })

  test('marks what is simulated', () => {
    expect(list('q=sim/echo').data[0]?.description).toContain('Simulated')
  })

  test('leaves out what the caller may not use', () => {
    expect(ids('', { ...live, usable: ({ providerId }) => providerId === 'host' })).toEqual([
      'acme/big',
      'other/unpriced',
    ])
  })
})

describe('a filter', () => {
  test.each([
    ['supported_parameters=tools,seed', ['acme/big']],
    ['supported_parameters=TOOLS', ['acme/big']],
    ['output_modalities=embeddings', ['other/embed']],
    ['output_modalities=all', ['sim/echo', 'other/embed', 'acme/big', 'acme/small', 'other/unpriced']],
    ['input_modalities=image', ['acme/small']],
    ['q=ACME+big', ['acme/big']],
    ['context=100000', ['sim/echo', 'acme/big']],
    ['min_price=0.1&max_price=4', ['sim/echo', 'acme/big', 'acme/small']],
    ['max_output_price=1', ['sim/echo', 'acme/small']],
    ['arch=gpt', ['acme/big']],
    ['model_authors=other', ['other/unpriced']],
    ['providers=host', ['acme/big', 'other/unpriced']],
    ['providers=host/eu', ['acme/big']],
    ['region=eu', ['acme/big']],
    ['region=us', []],
    ['max_age_days=30', ['sim/echo', 'acme/big']],
    ['min_age_days=30', ['acme/small']],
    ['zdr=true', []],
    ['category=programming', []],
    ['min_intelligence_index=1', []],
    ['max_price=', ['sim/echo', 'acme/big', 'acme/small', 'other/unpriced']],
    ['unheard=of', ['sim/echo', 'acme/big', 'acme/small', 'other/unpriced']],
  ])('%s leaves %j', (query, expected) => expect(ids(query)).toEqual(expected))
})

describe('an order', () => {
  test.each([
    ['newest', ['sim/echo', 'acme/big', 'acme/small', 'other/unpriced']],
    ['pricing-low-to-high', ['acme/small', 'sim/echo', 'acme/big', 'other/unpriced']],
    ['pricing-high-to-low', ['acme/big', 'sim/echo', 'acme/small', 'other/unpriced']],
    ['context-high-to-low', ['acme/big', 'sim/echo', 'acme/small', 'other/unpriced']],
    ['throughput-high-to-low', ['acme/small', 'acme/big', 'other/unpriced', 'sim/echo']],
    ['latency-low-to-high', ['acme/big', 'acme/small', 'other/unpriced', 'sim/echo']],
    ['top-weekly', ['acme/big', 'acme/small', 'other/unpriced', 'sim/echo']],
    ['most-popular', ['acme/small', 'acme/big', 'other/unpriced', 'sim/echo']],
    ['coding-high-to-low', ['acme/big', 'acme/small', 'other/unpriced', 'sim/echo']],
  ])('%s puts models without the datum last', (sort, expected) =>
    expect(ids(`sort=${sort}`)).toEqual(expected),
  )
})

describe('a page', () => {
  test('is opt-in and links to the next with the same filters', () => {
    const page = list('limit=2&sort=pricing-low-to-high')
    expect(page.data.map(({ id }) => id)).toEqual(['acme/small', 'sim/echo'])
    expect(page.total_count).toBe(4)
    expect(page.links.next).toBe('/api/v1/models?limit=2&sort=pricing-low-to-high&offset=2')
    const rest = list(page.links.next?.split('?')[1] ?? '')
    expect(rest.data.map(({ id }) => id)).toEqual(['acme/big', 'other/unpriced'])
    expect(rest.links.next).toBeNull()
  })

  test('beyond the end is empty', () => {
    expect(list('offset=100')).toMatchObject({ data: [], total_count: 4, links: { next: null } })
  })
})

describe('a wrong value is answered with a sentence', () => {
  test.each([
    ['limit=0', 'Query parameter "limit" must be a whole number from 1 to 1000, not "0".'],
    ['limit=1001', 'from 1 to 1000'],
    ['offset=-1', '"offset" must be a whole number from 0 up, not "-1"'],
    ['offset=1.5', 'whole number'],
    ['sort=cheap', 'must be one of most-popular, newest'],
    ['output_modalities=smell', 'comma-separated list of text, image'],
    ['category=cooking', 'one of programming'],
    ['zdr=false', 'must be "true"'],
    ['region=mars', 'one of eu, us'],
    ['min_price=cheap', '"min_price" must be a number from 0 up, not "cheap"'],
    ['min_price=3&max_price=2', '"min_price" must be at most max_price (2)'],
    ['min_tool_success_rate=2', 'from 0 to 1'],
    ['distillable=maybe', 'one of true, false'],
  ])('%s', (query, sentence) => {
    expect(() => list(query)).toThrow(
      expect.objectContaining({ code: 'invalid_request', message: expect.stringContaining(sentence) }),
    )
  })
})

test('the count leaves simulated models out', () => {
  const count = (query: string) => modelsCountBody(catalog, new URLSearchParams(query)).data.count
  expect(count('')).toBe(4)
  expect(count('output_modalities=text')).toBe(3)
  expect(count('output_modalities=embeddings')).toBe(1)
  expect(() => count('output_modalities=smell')).toThrow('comma-separated')
})

test('RSS is asked for by name and escapes what it holds', () => {
  expect(modelsBody(catalog, new URLSearchParams('use_rss=true'), live).rss).toEqual({ chatLinks: false })
  expect(modelsBody(catalog, new URLSearchParams(''), live).rss).toBeNull()
  const [row] = list('q=big').data
  const feed = modelsRss([{ ...row!, name: 'A <b> & "c"\u0000' }], 'http://127.0.0.1:7788', true)
  expect(feed).toContain('<title>A &lt;b&gt; &amp; &quot;c&quot;</title>')
  expect(feed).toContain('<link>http://127.0.0.1:7788/chat?models=acme%2Fbig</link>')
  expect(feed).toContain('<pubDate>')
})
