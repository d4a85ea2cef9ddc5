import { describe, expect, it } from 'vitest'
import { createLog, faultFields, type LogFields } from './log.ts'

function capture(level: 'debug' | 'info') {
  const lines: string[] = []
  return { log: createLog(level, { write: (line) => void lines.push(line) }), lines }
}

describe('createLog()', () => {
  it('writes one JSON line with the allowed fields', () => {
    const { log, lines } = capture('info')
    log.info('request ended', { id: 'gen-1', status: 200, ms: 3 })
    expect(JSON.parse(lines[0]!)).toMatchObject({ msg: 'request ended', id: 'gen-1', status: 200, ms: 3 })
  })

  it('cuts off a field that is not on the list, such as a prompt', () => {
    const { log, lines } = capture('info')
    log.info('request ended', { id: 'gen-1', prompt: 'canary' } as LogFields)
    expect(lines[0]).not.toContain('canary')
  })

  it('is silent below its level', () => {
    const { log, lines } = capture('info')
    log.debug('nothing')
    expect(lines).toEqual([])
  })
})

describe('faultFields()', () => {
  it('names the error and its frames, not its message', () => {
    const fields = faultFields(new TypeError('canary'))
    expect(fields.fault).toBe('TypeError')
    expect(fields.stack).toContain('log.test.ts')
    expect(JSON.stringify(fields)).not.toContain('canary')
  })
})
