import { expect, it } from 'vitest'
import { toCsv } from './query-csv.ts'

it('writes rows under their heading, quotes what needs it, and defuses formulas', () => {
  const rows = [
    { date: '2026-08-22', model: 'acme/one', usage: 0.1, provider: null },
    { date: '2026-08-23', model: '=HYPERLINK("http://x")', usage: -1, provider: 'a,b' },
  ]
  expect(toCsv(['date', 'model', 'usage', 'provider'], rows)).toBe(
    'date,model,usage,provider\r\n2026-08-22,acme/one,0.1,\r\n2026-08-23,"\'=HYPERLINK(""http://x"")",-1,"a,b"\r\n',
  )
})
