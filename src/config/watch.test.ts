import { mkdtempSync, renameSync, rmSync, writeFileSync } from 'node:fs'
import { tmpdir } from 'node:os'
import { join } from 'node:path'
import { afterEach, beforeEach, describe, expect, test, vi } from 'vitest'
import { type Config, diffConfig, formatProblem, loadConfig, watchConfig } from './index.ts'

const PATHS = { cwd: '/srv', home: '/home/me', root: '/opt/waybill' }
const load = (text: string | null) =>
  loadConfig({ text, fileName: '/etc/waybill.yaml', env: {}, flags: {}, paths: PATHS })

function config(text: string): Config {
  const result = load(text)
  if (!result.ok) throw new Error(result.errors.map(formatProblem).join('\n'))
  return result.config
}

describe('the difference of two configurations', () => {
  test('is empty when they say the same', () => {
    const text = 'providers: { ollama: { models: [{ id: a/b, price: { prompt: 1, completion: 2 } }] } }'
    expect(diffConfig(config(text), config(`# other words\n${text}`)).changed).toEqual([])
  })

  test('names settings and providers, and what needs a restart', () => {
    const before = config(
      'server: { port: 1 }\nretries: 1\nproviders: { groq: { api_key: a }, xai: { api_key: s } }',
    )
    const after = config(
      'server: { port: 2 }\ndatabase: postgres://h/d\nproviders: { groq: { api_key: b }, openai: { api_key: k }, xai: { api_key: s } }',
    )
    const diff = diffConfig(before, after)
    expect(diff.changed).toEqual(['database', 'providers.groq', 'providers.openai', 'retries', 'server.port'])
    expect(diff.needsRestart).toEqual(['database', 'server.port'])
    expect(JSON.stringify(diff)).not.toMatch(/postgres/)
  })
})

describe('a watched file', () => {
  let directory: string
  let path: string
  let stop: () => void

  beforeEach(() => {
    directory = mkdtempSync(join(tmpdir(), 'config-'))
    path = join(directory, 'waybill.yaml')
    stop = () => {}
  })
  afterEach(() => {
    stop()
    rmSync(directory, { recursive: true })
  })

  function watching(text: string) {
    writeFileSync(path, text)
    const onChange = vi.fn()
    const onError = vi.fn()
    const watch = watchConfig({ path, load, current: config(text), onChange, onError, debounceMs: 20 })
    stop = watch.close
    return { watch, onChange, onError }
  }

  test('is taken over when an editor replaces it', async () => {
    const { onChange } = watching('retries: 1')
    writeFileSync(`${path}.tmp`, 'retries: 3')
    renameSync(`${path}.tmp`, path)
    await vi.waitFor(() => expect(onChange).toHaveBeenCalled(), 5000)
    const [now, diff] = onChange.mock.calls[0]!
    expect([now.retries, diff]).toEqual([3, { changed: ['retries'], needsRestart: [] }])
  })

  test('keeps the last good configuration after a broken edit', async () => {
    const { watch, onChange, onError } = watching('retries: 1')
    writeFileSync(path, 'retrys: 3')
    await watch.reload()
    expect(onError.mock.calls[0]![0].map(formatProblem)).toEqual([
      '/etc/waybill.yaml:1:1: Unknown key `retrys`. Did you mean `retries`?',
    ])
    expect(onChange).not.toHaveBeenCalled()
    writeFileSync(path, 'retries: 4')
    await watch.reload()
    expect(onChange.mock.calls[0]![1].changed).toEqual(['retries'])
  })

  test('keeps the port until a restart, and says so again at the next edit', async () => {
    const { watch, onChange } = watching('server: { port: 1 }')
    writeFileSync(path, 'server: { port: 2 }\nretries: 3')
    await watch.reload()
    const [now, diff] = onChange.mock.calls[0]!
    expect([now.server.port, now.retries, diff.needsRestart]).toEqual([1, 3, ['server.port']])
    writeFileSync(path, 'server: { port: 2 }\nretries: 4')
    await watch.reload()
    expect(onChange.mock.calls[1]![1].changed).toEqual(['retries', 'server.port'])
  })

  test('that is removed leaves the defaults, and one that cannot be read changes nothing', async () => {
    const { watch, onChange, onError } = watching('retries: 1')
    rmSync(path)
    await watch.reload()
    expect(onChange.mock.calls[0]![0].retries).toBe(2)
    const read = () => Promise.reject(new Error('EACCES'))
    const other = watchConfig({ path, load, current: config(''), onChange, onError, read })
    await other.reload()
    other.close()
    expect(onError.mock.calls[0]![0][0].message).toContain('cannot be read')
  })
})
