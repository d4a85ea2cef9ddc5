import { spawnSync } from 'node:child_process'
import { closeSync, mkdirSync, mkdtempSync, openSync, rmSync, writeSync } from 'node:fs'
import { tmpdir } from 'node:os'
import { join } from 'node:path'
import { setTimeout as sleep } from 'node:timers/promises'
import { afterAll, beforeAll, describe, expect, it, vi } from 'vitest'
import { type RunningGateway, startGateway } from '../harness/gateway.ts'
import type { FakeUpstream } from '../upstream/index.ts'
import { chargesIn, expectSound, sqliteBook, standing, topUp } from './rig/books.ts'
import { ask, keepAlive, type Seen, sentence } from './rig/client.ts'
import { billing, configOf, marked, rated } from './rig/provider.ts'

vi.setConfig({ testTimeout: 60_000 })

const DISK = '64m'

/** A disk of its own that is soon full: only root can mount one. */
function smallDisk(): { path: string; unmount(): void } | null {
  if (process.platform !== 'linux' || process.getuid?.() !== 0) return null
  const path = mkdtempSync(join(tmpdir(), 'waybill-disk-'))
  const unmount = () => {
    spawnSync('umount', [path])
    rmSync(path, { recursive: true, force: true })
  }
  if (spawnSync('mount', ['-t', 'tmpfs', '-o', `size=${DISK}`, 'tmpfs', path]).status === 0)
    return { path, unmount }
  unmount()
  return null
}

const disk = smallDisk()

describe.skipIf(disk === null)(
  `a disk that is full ${disk === null ? '(no tmpfs can be mounted: run as root)' : ''}`,
  () => {
    let provider: FakeUpstream
    let gateway: RunningGateway
    const agent = keepAlive()
    let marks = 0

    beforeAll(async () => {
      provider = await billing(({ n }) => ({ delayMs: n % 10 }))
      const dataDir = join(disk!.path, 'data')
      mkdirSync(dataDir)
      gateway = await startGateway({ config: configOf([{ id: 'acme', url: provider.url }]), dataDir })
      await topUp(gateway, 100)
    })

    afterAll(async () => {
      agent.destroy()
      await gateway?.remove()
      await provider?.close()
      disk!.unmount()
    })

    const once = () =>
      ask(gateway, marked({ n: ++marks, prompt: 20, completion: 10 }, { stream: marks % 2 === 0 }), { agent })

    async function load(ms: number, clients = 16): Promise<Seen[]> {
      const seen: Seen[] = []
      const end = performance.now() + ms
      const client = async () => {
        while (performance.now() < end) {
          const one = await once()
          seen.push(one)
          if (one.status !== 200) await sleep(20)
        }
      }
      await Promise.all(Array.from({ length: clients }, client))
      return seen
    }

    function fill(): string {
      const ballast = join(disk!.path, 'ballast')
      const fd = openSync(ballast, 'w')
      const block = Buffer.alloc(65_536)
      for (let size = block.length; size >= 1; size >>= 1) {
        try {
          for (;;) writeSync(fd, block.subarray(0, size))
        } catch (error) {
          expect((error as NodeJS.ErrnoException).code).toBe('ENOSPC')
        }
      }
      closeSync(fd)
      return ballast
    }

    it('stops paid requests with 503, loses nothing, and is over when there is room again', async () => {
      const before = await load(300)
      expect(before.every(({ complete }) => complete)).toBe(true)

      const loading = load(3_000)
      await sleep(200)
      const ballast = fill()
      await sleep(1_500)
      const refused = await once()
      expect(refused.status).toBe(503)
      expect(sentence(refused)).toMatch(/ledger/)
      expect(refused.ms).toBeLessThan(3_000)
      expect((await fetch(`${gateway.url}/health`)).status).toBe(200)
      rmSync(ballast)
      const back = performance.now()
      while (!(await once()).complete) expect(performance.now() - back).toBeLessThan(5_000)
      const during = await loading
      const after = await load(200)
      expect(after.every(({ complete }) => complete)).toBe(true)

      const complete = [...before, ...during, ...after].filter((seen) => seen.complete)
      const failed = during.filter((seen) => !seen.complete)
      expect(failed.length).toBeGreaterThan(0)
      for (const seen of failed) expect([200, 503]).toContain(seen.status)
      const book = sqliteBook(gateway.dataDir)
      const charges = await chargesIn(book)
      const [integrity] = await book.rows('pragma integrity_check')
      await book.close()
      expect(integrity).toEqual({ integrity_check: 'ok' })
      for (const { id } of complete) expect(charges.get(id)).toBe(rated({ n: 0, prompt: 20, completion: 10 }))
      // What failed was never charged.
      for (const { id } of failed) expect(charges.has(id)).toBe(false)
      await expect.poll(() => standing(gateway), { timeout: 5_000 }).toMatchObject({ held: 0n })
      expect(await expectSound(gateway)).toMatchObject({ held: 0n, open: 0 })
      expect(gateway.process.exitCode).toBeNull()
    }, 60_000)

    it('survives a kill while it is full', async () => {
      const loading = load(600)
      await sleep(200)
      const ballast = fill()
      await sleep(200)
      await gateway.kill()
      rmSync(ballast)
      const seen = await loading
      gateway = await gateway.restart()
      expect(await expectSound(gateway)).toMatchObject({ held: 0n, open: 0 })
      const book = sqliteBook(gateway.dataDir)
      const charges = await chargesIn(book)
      await book.close()
      for (const { id, complete } of seen)
        if (complete) expect(charges.get(id)).toBe(rated({ n: 0, prompt: 20, completion: 10 }))
      expect((await once()).complete).toBe(true)
    }, 60_000)
  },
)
