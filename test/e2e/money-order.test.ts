import { type ChildProcess, spawn } from 'node:child_process'
import { mkdtempSync, readFileSync, rmSync } from 'node:fs'
import { tmpdir } from 'node:os'
import { join } from 'node:path'
import { afterAll, beforeAll, describe, expect, it, vi } from 'vitest'
import { type RunningGateway, startGateway } from '../harness/gateway.ts'
import { findTool } from '../harness/machine.ts'
import type { FakeUpstream } from '../upstream/index.ts'
import { topUp } from './rig/books.ts'
import { ask } from './rig/client.ts'
import { billing, configOf, marked } from './rig/provider.ts'

vi.setConfig({ testTimeout: 60_000 })

const REQUESTS = 50
const strace = findTool('strace')

/** One system call of the traced gateway, in the order the kernel saw them begin and end. */
interface Event {
  readonly what: 'log written' | 'log durable' | 'end sent'
  /** Charges that a write holds, or the answer that ends. */
  readonly ids: readonly string[]
}

let provider: FakeUpstream
let gateway: RunningGateway
let directory: string

beforeAll(async () => {
  provider = await billing()
  gateway = await startGateway({ config: configOf([{ id: 'acme', url: provider.url }]) })
  directory = mkdtempSync(join(tmpdir(), 'waybill-strace-'))
  await topUp(gateway, 1)
})

afterAll(async () => {
  await gateway.remove()
  await provider.close()
  rmSync(directory, { recursive: true, force: true })
})

/** Traces the writes and syncs of the running gateway, all threads, until `stop`. */
async function trace(file: string): Promise<{ stop(): Promise<void> }> {
  const calls = 'trace=fdatasync,fsync,write,writev,pwrite64,pwritev,sendto,sendmsg'
  const tracer: ChildProcess = spawn(
    strace!,
    ['-f', '-y', '-s', '100000', '-e', calls, '-o', file, '-p', String(gateway.process.pid)],
    { stdio: ['ignore', 'ignore', 'pipe'] },
  )
  await new Promise<void>((attached, failed) => {
    tracer.stderr!.on('data', (text) => String(text).includes('attached') && attached())
    tracer.once('exit', () => failed(new Error('strace could not attach')))
  })
  return {
    stop: () =>
      new Promise((done) => {
        tracer.removeAllListeners('exit')
        tracer.once('exit', () => done())
        tracer.kill('SIGINT')
      }),
  }
}

/** Writes and syncs of the database's log, and the sending of terminal bytes, from a trace. */
function eventsIn(text: string): Event[] {
  const events: Event[] = []
  const syncing = new Set<string>()
  for (const line of text.split('\n')) {
    const [thread = ''] = line.split(/\s/, 1)
    if (/p?writev?(64)?\(\d+<[^>]*waybill\.db-wal>/.test(line)) {
      // A journal's row has its kind and, beside it, the call that it charges.
      const ids = [...line.matchAll(/charge(gen-\d+-[0-9A-Za-z]{20})/g)].map(([, id]) => id!)
      events.push({ what: 'log written', ids })
    }
    if (/f(data)?sync\(\d+<[^>]*waybill\.db-wal>/.test(line)) {
      if (line.includes('unfinished')) syncing.add(thread)
      else events.push({ what: 'log durable', ids: [] })
    } else if (/<\.\.\. f(data)?sync resumed>/.test(line) && syncing.delete(thread))
      events.push({ what: 'log durable', ids: [] })
    // The end of a stream, or a whole reply; strace writes quotes as \".
    const ends = /<(TCP|socket):[^>]*>/.test(line) && /data: \[DONE\]|"chat\.completion\\",/.test(line)
    if (ends) events.push({ what: 'end sent', ids: /gen-\d+-[0-9A-Za-z]{20}/.exec(line) ?? [] })
  }
  return events
}

describe.skipIf(strace === undefined)(
  `the order of the last steps ${strace === undefined ? '(strace is missing)' : ''}`,
  () => {
    it.each([true, false])(
      `is: the log is durable, then the end is sent, ${REQUESTS} times (stream: %s)`,
      async (stream) => {
        const file = join(directory, `trace-${stream}`)
        const tracing = await trace(file)
        const seen = []
        for (let n = 0; n < REQUESTS; n++)
          seen.push(await ask(gateway, marked({ n, prompt: 3, completion: 2 }, { stream })))
        await tracing.stop()
        expect(seen.every(({ complete }) => complete)).toBe(true)

        const events = eventsIn(readFileSync(file, 'utf8'))
        const ends = events.filter(({ what }) => what === 'end sent')
        expect(ends.map(({ ids }) => ids[0])).toEqual(seen.map(({ id }) => id))
        let written: string[] = []
        const durable = new Set<string>()
        for (const { what, ids } of events) {
          if (what === 'log written') written.push(...ids)
          else if (what === 'end sent')
            expect(durable.has(ids[0]!), `${ids[0]} ended before its charge was durable`).toBe(true)
          else {
            for (const id of written) durable.add(id)
            written = []
          }
        }
      },
      60_000,
    )
  },
)
