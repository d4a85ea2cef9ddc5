import { type ChildProcess, spawn } from 'node:child_process'
import { existsSync, mkdtempSync, readFileSync, rmSync, writeFileSync } from 'node:fs'
import { request as httpRequest } from 'node:http'
import { tmpdir } from 'node:os'
import { join } from 'node:path'
import { setTimeout as sleep } from 'node:timers/promises'
import { fileURLToPath } from 'node:url'
import { afterEach, beforeEach, describe, expect, it, vi } from 'vitest'
import { type RunningGateway, startGateway } from '../harness/gateway.ts'
import type { FakeUpstream } from '../upstream/index.ts'
import { chatReply } from '../upstream/openai-chat.ts'
import { chargesIn, expectSound, sqliteBook, standing, topUp } from './rig/books.ts'
import { ask, keepAlive, type Seen } from './rig/client.ts'
import { billing, configOf, marked, rated } from './rig/provider.ts'

vi.setConfig({ testTimeout: 60_000 })

const MAIN = fileURLToPath(new URL('../../src/main.ts', import.meta.url))
const STREAMS = 50
const WORDS = 25

let provider: FakeUpstream
let gateway: RunningGateway
/** Of each stream, so that it takes `WORDS` times as long, ms. */
let gapMs = 20

beforeEach(async () => {
  provider = await billing(() => ({ gapMs }), WORDS)
  gateway = await startGateway({ config: configOf([{ id: 'acme', url: provider.url }]) })
  await topUp(gateway, 100)
})

afterEach(async () => {
  await gateway.remove()
  await provider.close()
})

/** Opens streams and waits until all of them have begun. */
async function open(count: number): Promise<Promise<Seen>[]> {
  const agent = keepAlive()
  let begun = 0
  const streams = Array.from({ length: count }, (_, n) => {
    let first = true
    return ask(gateway, marked({ n, prompt: 20, completion: 10 }, { stream: true }), {
      agent,
      onData: () => {
        if (first) begun++
        first = false
      },
    })
  })
  await expect.poll(() => begun, { interval: 5 }).toBe(count)
  return streams
}

async function get(path: string): Promise<{ status: number; body: string; headers: Headers }> {
  // A connection of its own, as a balancer's probe or a new client has.
  const response = await fetch(`${gateway.url}${path}`, { headers: { connection: 'close' } })
  return { status: response.status, body: await response.text(), headers: response.headers }
}

const exitOf = (child: ChildProcess) =>
  new Promise<number | null>((resolve) => {
    if (child.exitCode !== null) resolve(child.exitCode)
    else child.once('exit', (code) => resolve(code))
  })

describe('SIGTERM', () => {
  it(`lets ${STREAMS} open streams end, refuses new requests, and ends with 0`, async () => {
    gapMs = 110
    const streams = await open(STREAMS)
    const told = performance.now()
    gateway.process.kill('SIGTERM')
    await expect.poll(() => get('/ready').then(({ status }) => status), { interval: 5 }).toBe(503)
    expect(performance.now() - told).toBeLessThan(500)
    expect((await get('/health')).status).toBe(200)
    const refused = await ask(gateway, marked({ n: 1, prompt: 1, completion: 1 }))
    expect(refused.status).toBe(503)
    expect(refused.text).toContain('shutting down')
    await sleep(1_000)
    expect((await get('/ready')).status).toBe(503)

    const seen = await Promise.all(streams)
    expect(seen.filter(({ complete }) => !complete)).toEqual([])
    expect(await exitOf(gateway.process)).toBe(0)
    expect(performance.now() - told).toBeLessThan(10_000)
    expect(existsSync(join(gateway.dataDir, 'runtime.json'))).toBe(false)
    const book = sqliteBook(gateway.dataDir)
    const charges = await chargesIn(book)
    await book.close()
    expect([...charges.values()]).toEqual(Array(STREAMS).fill(rated({ n: 0, prompt: 20, completion: 10 })))
  })

  it('ends an idle gateway at once', async () => {
    const told = performance.now()
    await get('/health')
    expect(await gateway.stop()).toBe(0)
    expect(performance.now() - told).toBeLessThan(1_500)
  })

  it('waits for the last bytes to reach a slow reader', async () => {
    const text = 'long '.repeat(3_000_000)
    provider.play(chatReply(text, { usage: { prompt_tokens: 1, completion_tokens: 1 } }))
    const body = JSON.stringify(marked({ n: 1, prompt: 1, completion: 1 }))
    const whole = new Promise<{ length: number; complete: boolean }>((resolve) => {
      const call = httpRequest(
        `${gateway.url}/api/v1/chat/completions`,
        { method: 'POST', headers: { authorization: `Bearer ${gateway.key}` } },
        (response) => {
          response.pause()
          gateway.process.kill('SIGTERM')
          let length = 0
          response.on('data', (piece: Buffer) => {
            length += piece.length
          })
          response.on('close', () => resolve({ length, complete: response.complete }))
          response.on('error', () => {})
          response.pause()
          setTimeout(() => response.resume(), 1_000)
        },
      )
      call.end(body)
    })
    const { length, complete } = await whole
    expect(complete).toBe(true)
    expect(length).toBeGreaterThan(text.length)
    expect(await exitOf(gateway.process)).toBe(0)
  })

  it('counts once when terminal and launcher both send it', async () => {
    gapMs = 40
    const streams = await open(5)
    gateway.process.kill('SIGINT')
    await sleep(60)
    gateway.process.kill('SIGTERM')
    const seen = await Promise.all(streams)
    expect(seen.every(({ complete }) => complete)).toBe(true)
    expect(await exitOf(gateway.process)).toBe(0)
  })

  it('a second time cuts what is still open, and what was produced is charged', async () => {
    gapMs = 400
    const streams = await open(10)
    gateway.process.kill('SIGTERM')
    await sleep(700)
    const second = performance.now()
    gateway.process.kill('SIGTERM')
    const seen = await Promise.all(streams)
    expect(await exitOf(gateway.process)).toBe(0)
    expect(performance.now() - second).toBeLessThan(3_000)
    expect(seen.some(({ complete }) => complete)).toBe(false)
    gateway = await gateway.restart()
    expect((await standing(gateway)).held).toBe(0n)
    expect(await expectSound(gateway)).toMatchObject({ held: 0n, open: 0 })
    const book = sqliteBook(gateway.dataDir)
    const charges = await chargesIn(book)
    await book.close()
    expect(charges.size).toBe(10)
    for (const nanos of charges.values()) expect(nanos).toBeGreaterThan(0n)
  })
})

describe('the end of the launcher', () => {
  it('even by SIGKILL ends the gateway, after its open streams', async () => {
    const dataDir = mkdtempSync(join(tmpdir(), 'waybill-test-'))
    try {
      writeFileSync(join(dataDir, 'waybill.yaml'), configOf([{ id: 'acme', url: provider.url }]))
      const args = [MAIN, 'start', '--data', dataDir, '--port', '0', '--json', '--config']
      const script = `
        const { spawn } = require('node:child_process')
        spawn(process.execPath, ${JSON.stringify([...args, join(dataDir, 'waybill.yaml')])},
          { env: { ...process.env, WAYBILL_LAUNCHER_PID: String(process.pid) }, stdio: ['ignore', 'inherit', 'inherit'] })`
      const launcher = spawn(process.execPath, ['-e', script], {
        env: { PATH: process.env['PATH'] ?? '', HOME: dataDir },
        stdio: ['ignore', 'pipe', 'inherit'],
      })
      const [line] = await new Promise<[string]>((resolve) =>
        launcher.stdout!.once('data', (data) => resolve([String(data)])),
      )
      const { url, key, pid } = JSON.parse(line.split('\n')[0]!) as { url: string; key: string; pid: number }
      const operator = JSON.parse(readFileSync(join(dataDir, 'runtime.json'), 'utf8')).operator_key
      await fetch(`${url}/api/v1/admin/credits`, {
        method: 'POST',
        headers: { authorization: `Bearer ${operator}`, 'content-type': 'application/json' },
        body: '{"amount_usd": 1}',
      })
      gapMs = 40
      const from = provider.requests.length
      const stream = ask({ url, key }, marked({ n: 1, prompt: 20, completion: 10 }, { stream: true }))
      await provider.received(from + 1)
      launcher.kill('SIGKILL')
      expect((await stream).complete).toBe(true)
      await expect.poll(() => isAlive(pid), { timeout: 5_000 }).toBe(false)
      expect(existsSync(join(dataDir, 'runtime.json'))).toBe(false)
    } finally {
      rmSync(dataDir, { recursive: true, force: true })
    }
  })
})

function isAlive(pid: number): boolean {
  try {
    process.kill(pid, 0)
    return true
  } catch {
    return false
  }
}
