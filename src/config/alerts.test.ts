import { describe, expect, test } from 'vitest'
import { loadConfig } from './index.ts'

const SECRET = `whsec_${Buffer.alloc(24, 1).toString('base64')}`

function load(yaml: string, env: Record<string, string> = {}) {
  const paths = { cwd: '/base', home: '/base', root: '/base' }
  return loadConfig({ text: yaml, fileName: 'waybill.yaml', env, flags: {}, paths })
}

const destination = (text: string) => load(`alerts: { destinations: [${text}] }`)

describe('alerts', () => {
  test('have the usual thresholds, no low mark and no destination by default', () => {
    expect(load('{}')).toMatchObject({
      ok: true,
      config: { alerts: { thresholds: [50, 80, 90, 100], lowBalanceUsd: null, destinations: [] } },
    })
  })

  test('take thresholds in any order, an exact low mark, also from the environment, and each kind of destination', () => {
    const loaded = load(
      `alerts:
  thresholds: [100, 75, 75]
  destinations:
    - { type: webhook, url: "http://10.0.0.7/hook", secret: ${SECRET} }
    - { type: slack, url: "https://hooks.slack.com/x" }
    - { type: email, url: "smtp://u:p@mail", to: a@b.c }
`,
      { WAYBILL_ALERTS_LOW_BALANCE: '0.000000001' },
    )
    if (!loaded.ok) throw new Error(JSON.stringify(loaded.errors))
    const { thresholds, lowBalanceUsd, destinations } = loaded.config.alerts
    expect([thresholds, lowBalanceUsd]).toEqual([[75, 100], '0.000000001'])
    expect(destinations).toMatchObject([
      { type: 'webhook' },
      { type: 'slack' },
      { type: 'email', to: 'a@b.c', from: 'a@b.c' },
    ])
    expect(JSON.stringify(destinations)).not.toMatch(/whsec|hooks\.slack|u:p/)
  })

  test.each([
    ['{ type: webhook, url: "https://a.b" }', 'A webhook is signed'],
    ['{ type: webhook, url: "https://a.b", secret: whsec_ }', 'A webhook is signed'],
    ['{ type: webhook, url: "https://a.b", secret: whsec_c2hvcnQ= }', 'A webhook is signed'],
    [`{ type: webhook, url: "https://u:p@a.b", secret: ${SECRET} }`, 'must not hold a user'],
    ['{ type: slack, url: "ftp://a.b" }', 'must be an address that begins with https://'],
    ['{ type: email, url: "https://a.b", to: a@b.c }', 'must be an address that begins with smtp://'],
    ['{ type: email, url: "smtp://a.b" }', 'needs `to`'],
    ['{ type: email, url: "smtp://a.b", to: "a b@c <x@y>" }', 'needs `to`'],
  ])('refuse %s, and say why without the address', (text, why) => {
    const loaded = destination(text)
    expect(loaded.ok).toBe(false)
    const told = loaded.ok ? '' : JSON.stringify(loaded.errors)
    expect(told).toContain(why)
    expect(told).not.toContain('u:p')
  })

  test.each(['1e-10', '"0.0000000001"', '"1000000000"'])('refuse %s for low credit', (text) => {
    expect(load(`alerts: { low_balance: ${text} }`).ok).toBe(false)
  })
})
