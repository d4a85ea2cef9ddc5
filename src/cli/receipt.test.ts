import { describe, expect, it } from 'vitest'
import { candidateLines, dollars, receiptLines, type Waybill } from './receipt.ts'

const bill: Waybill = {
  id: 'gen-1',
  created_at: '2026-11-24T10:00:00.123Z',
  requested: ['waybill/auto', 'old/name'],
  resolved: ['meta-llama/llama-3.3-70b-instruct', 'acme/new'],
  via: ['auto', 'alias'],
  because: 'code, high',
  strategy: 'load-balance',
  result: 'complete',
  gateway_ms: 0.417,
  prompt_tokens_expected: 1_200,
  considered: 70,
  candidates: [
    {
      rank: 1,
      model: 'm',
      tag: 'groq',
      reason: 'drawn by price',
      price_per_million: '0.6375',
      weight: 0.708,
    },
    { rank: 2, model: 'm', tag: 'deepinfra', reason: 'by price', price_per_million: '1', weight: 0.292 },
    {
      rank: null,
      model: 'm',
      tag: 'azure',
      reason: 'no key for this provider',
      price_per_million: null,
      weight: null,
    },
  ],
  attempts: [
    {
      n: 1,
      provider: 'Groq',
      endpoint: 'm@groq',
      outcome: 'provider_timeout',
      status: null,
      start_ms: 1,
      ttft_ms: null,
      duration_ms: 400,
      output_tokens: 0,
      rescued_by: null,
    },
    {
      n: 2,
      provider: 'Groq',
      endpoint: 'm@groq',
      outcome: 'provider_cut',
      status: 200,
      start_ms: 401,
      ttft_ms: 100,
      duration_ms: 600,
      output_tokens: 20,
      rescued_by: null,
    },
    {
      n: 3,
      provider: 'DeepInfra',
      endpoint: 'm@deepinfra',
      outcome: 'ok',
      status: 200,
      start_ms: 1_001,
      ttft_ms: 50,
      duration_ms: 1_000,
      output_tokens: 412,
      rescued_by: 'continue',
      rescued_at: 911,
    },
  ],
  dropped_parameters: ['top_k', 'seed'],
  cost: {
    tariff_version: 't',
    lines: [
      {
        what: 'input',
        quantity: 1_234_567,
        usd_per_million: '0.23',
        usd_each: '0.00000023',
        usd: '0.28395041',
      },
      { what: 'request', quantity: 1, usd_per_million: null, usd_each: '0.005', usd: '0.005' },
      {
        what: 'output',
        quantity: 3,
        usd_per_million: '0.0001',
        usd_each: '0.0000000001',
        usd: '0.0000000003',
      },
    ],
    exact_usd: '0.2889504103',
    price_usd: '0.288950411',
    charged_usd: '0.2',
    saved_by_cache_usd: '0.0021',
    usage_source: 'estimated',
    note: 'The rest was beyond what was held for the call: it is not charged.',
  },
  key: { name: 'laptop' },
  generation: {
    model: 'meta-llama/llama-3.3-70b-instruct',
    provider_name: 'DeepInfra',
    streamed: true,
    simulated: false,
    finish_reason: 'stop',
    error_code: null,
    latency: 50,
    generation_time: 1_000,
  },
}

describe('a receipt on the terminal', () => {
  it('tells what was asked, who was considered, what was tried when, and the arithmetic to the last digit', () => {
    expect(receiptLines(bill).join('\n')).toMatchInlineSnapshot(`
      "waybill      gen-1
      when         2026-11-24 10:00:00 UTC
      key          laptop
      asked for    waybill/auto (router: code, high) → old/name (alias)
      that is      meta-llama/llama-3.3-70b-instruct → acme/new
      answered by  meta-llama/llama-3.3-70b-instruct at DeepInfra
      route        load-balance
      ended        stop, streamed
      time         gateway 0.42 ms, first token 50 ms, answer 1.00 s

      #  endpoint   per million  share  why
      1  groq           $0.6375  71 %   drawn by price
      2  deepinfra        $1.00  29 %   by price
      –  azure                ?         no key for this provider
      and 67 more

      try  endpoint   0 … 2.00 s                                  took    output      said
        1  groq       │········                                │  400 ms              no answer provider_timeout
        2  groq       │        ··██████████                    │  600 ms  20 tokens   200 provider_cut
        3  deepinfra  │                    ·███████████████████│  1.00 s  412 tokens  200 ok, went on from the one before after 911 bytes (continue)

      dropped, since DeepInfra does not take them: top_k, seed

      cost           tokens
      input       1,234,567  × $0.23 / M    = $0.28395041
      request             1  × $0.005       = $0.005
      output              3  × $0.0001 / M  = $0.0000000003
      sum                                   = $0.2889504103
      rounded up                            = $0.288950411
      charged                               = $0.2
      The provider reported no tokens: they are estimated.
      saved $0.0021 by the provider's cache
      The rest was beyond what was held for the call: it is not charged."
    `)
  })

  it('of a call that nobody answered says so, and that nothing was charged', () => {
    const lines = receiptLines({
      ...bill,
      result: 'failed',
      candidates: null,
      attempts: [],
      dropped_parameters: null,
      cost: null,
      generation: {
        ...bill.generation,
        provider_name: null,
        error_code: 'provider_timeout',
        latency: null,
        generation_time: null,
      },
    })
    expect(lines).toContain('Its candidates are no longer kept.')
    expect(lines).toContain('No provider was asked.')
    expect(lines.at(-1)).toBe('Nothing was charged.')
    expect(lines.join('\n')).toContain('nobody')
    expect(lines.join('\n')).toContain('failed: provider_timeout')
  })

  it('names models where there are several, and how many candidates are not shown', () => {
    const [first] = bill.candidates!
    const many = Array.from({ length: 70 }, (_, i) => ({ ...first!, model: `m${i % 2}`, rank: i + 1 }))
    const lines = candidateLines(many)
    expect(lines).toHaveLength(62)
    expect(lines[1]).toContain('m0 @ groq')
    expect(lines.at(-1)).toBe('and 10 more')
  })

  it('tells how fast endpoints are where that was measured', () => {
    const [first, second] = bill.candidates!
    const lines = candidateLines([{ ...first!, first_token_ms: 210, tokens_per_second: 95 }, second!])
    expect(lines[0]).toMatch(/share {2}first token {2}tokens\/s {2}why$/)
    expect(lines[1]).toMatch(/71 % {3}210 ms +95 {2}drawn by price$/)
  })

  it('shows amounts as exactly as they came', () => {
    expect([
      dollars('0.0000000001'),
      dollars('2'),
      dollars('2', 2),
      dollars('1.5', 2),
      dollars('0.6375', 2),
    ]).toEqual(['$0.0000000001', '$2', '$2.00', '$1.50', '$0.6375'])
  })
})
