import { describe, expect, test } from 'vitest'
import { nearestEffort, traitsOf } from './models.ts'

const all = ['low', 'medium', 'high', 'xhigh', 'max']

describe('a model', () => {
  test.each([
    ['claude-v2', 'none', 'omit', []],
    ['claude-3-opus-20240229', 'none', 'omit', []],
    ['claude-3-5-haiku-latest', 'none', 'omit', []],
    ['claude-3-7-sonnet-20250219', 'budget', 'omit', []],
    ['claude-sonnet-4-20250514', 'budget', 'omit', []],
    ['claude-sonnet-4-0', 'budget', 'omit', []],
    ['claude-sonnet-4@20250514', 'budget', 'omit', []],
    ['us.anthropic.claude-opus-4-1-20250805-v1:0', 'budget', 'omit', []],
    ['claude-haiku-4-5-20251001', 'budget', 'omit', []],
    ['claude-opus-4-5-20251101', 'budget', 'omit', ['low', 'medium', 'high']],
    ['claude-sonnet-4-6', 'either', 'omit', ['low', 'medium', 'high', 'max']],
    ['us.anthropic.claude-opus-4-6-v1', 'either', 'omit', ['low', 'medium', 'high', 'max']],
    ['claude-opus-4-7', 'adaptive', 'omit', all],
    ['anthropic/claude-4.8-opus-20260601', 'adaptive', 'omit', all],
    ['claude-opus-5', 'adaptive', 'disabled', all],
    ['claude-opus-5-5', 'adaptive', 'never', all],
    ['claude-sonnet-5', 'adaptive', 'disabled', all],
    ['claude-sonnet-5-5', 'adaptive', 'between_tools', all],
    ['claude-haiku-5-5', 'adaptive', 'disabled', all],
    ['claude-fable-5', 'adaptive', 'never', all],
    ['claude-opus-latest', 'adaptive', 'never', all],
  ] as const)('%s thinks by %s and is quieted by %s', (name, thinking, off, efforts) => {
    expect(traitsOf(name)).toMatchObject({ known: true, thinking, off, efforts })
  })

  test.each([
    ['claude-opus-5', true],
    ['claude-fable-5', true],
    ['claude-fable-5-1', false],
    ['claude-opus-5-5', false],
  ])('%s can be made to call a tool: %s', (name, forcedTools) => {
    expect(traitsOf(name).forcedTools).toBe(forcedTools)
  })

  test('of another maker, or under a name of the customer, is not second-guessed', () => {
    for (const name of ['MiniMax-M2', 'my-deployment', '']) expect(traitsOf(name).known).toBe(false)
  })
})

test('an effort that a model does not have becomes the nearest one, the weaker of two', () => {
  expect(nearestEffort('minimal', all)).toBe('low')
  expect(nearestEffort('xhigh', ['low', 'medium', 'high', 'max'])).toBe('high')
  expect(nearestEffort('max', ['low', 'medium', 'high'])).toBe('high')
  expect(nearestEffort('medium', all)).toBe('medium')
})
