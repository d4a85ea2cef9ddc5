import { expect, it } from 'vitest'
import { table } from './table.ts'

it('aligns words to the left, numbers and amounts to the right, and leaves no blank at the end', () => {
  const rows = [
    ['a', '1,000', '$2', '57c42ffa', ''],
    ['longer', '?', '$10.5', 'f7c4', 'x'],
  ]
  expect(table(['NAME', 'SIZE', 'COST', 'HASH', 'LAST'], rows)).toEqual([
    'NAME     SIZE   COST  HASH      LAST',
    'a       1,000     $2  57c42ffa',
    'longer      ?  $10.5  f7c4      x',
  ])
  expect(table(['NAME', 'SIZE'], [])).toEqual(['NAME  SIZE'])
})
