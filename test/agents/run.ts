import { spawn } from 'node:child_process'
import { existsSync, mkdirSync, mkdtempSync, readFileSync, rmSync, writeFileSync } from 'node:fs'
import { tmpdir } from 'node:os'
import { join } from 'node:path'
import { type RunningGateway, startGateway } from '../harness/gateway.ts'
import { type FakeUpstream, fakeUpstream } from '../upstream/index.ts'
import type { Agent } from './agents.ts'
import type { Asked, Said } from './formats/format.ts'
import { commandOf } from './programs.ts'
import { type Exchange, tapOn } from './tap.ts'
import { type Mind, scriptOf, type Upstream } from './upstreams.ts'

const LIMIT_MS = 120_000
const PROMPT = 'Read left.txt and right.txt and write the words in them to answer.txt.'
const FILES = ['left', 'right'] as const
export const THOUGHTS = ['I read both files at once.', 'Now I write it down.']

/** What an agent did, and what passed between it, the gateway and the provider. */
export interface Ran {
  readonly gateway: RunningGateway
  readonly upstream: Upstream
  readonly provider: FakeUpstream
  readonly exchanges: readonly Exchange[]
  readonly key: string
  /** Exit code; the signal's name when it was ended by one. */
  readonly code: number | string
  readonly out: string
  /** What it printed altogether. */
  readonly printed: string
  /** The words in the two files, joined by a dash. */
  readonly words: string
  /** What it wrote down; null: nothing. */
  readonly answer: string | null
}

/** Lets an agent work over a gateway and a scripted provider of its own, hands over what happened, and clears all away. */
export async function run<T>(
  agent: Agent,
  program: string,
  upstream: Upstream,
  makeKey: (gateway: RunningGateway) => Promise<string>,
  judge: (ran: Ran) => Promise<T>,
): Promise<T> {
  const home = mkdtempSync(join(tmpdir(), 'waybill-agent-'))
  const project = mkdtempSync(join(tmpdir(), 'waybill-project-'))
  const made = FILES.map((side) => `${side}-${Math.random().toString(36).slice(2, 10)}`)
  for (const [i, side] of FILES.entries())
    writeFileSync(join(project, `${side}.txt`), `The word is ${made[i]}.\n`)
  const answer = join(project, 'answer.txt')
  const provider = await fakeUpstream({ script: scriptOf(upstream.format, mindOf(agent, project)) })
  const closing: (() => unknown)[] = [
    () => provider.close(),
    () => rmSync(home, { recursive: true, force: true }),
    () => rmSync(project, { recursive: true, force: true }),
  ]
  try {
    const config = `credits: prepaid\ndetect: false\nproviders:\n  ${upstream.config(provider.url)}\n`
    const gateway = await startGateway({ config })
    closing.unshift(() => gateway.remove())
    await gateway.call('POST', '/admin/credits', { amount_usd: 50 }, gateway.operatorKey)
    const key = await makeKey(gateway)
    const tap = await tapOn(gateway.url)
    closing.unshift(() => tap.close())
    const post = { url: tap.url, key, model: upstream.model, home, project, prompt: PROMPT }
    const ended = await work(program, agent, post)
    return await judge({
      gateway,
      upstream,
      provider,
      exchanges: tap.exchanges,
      key,
      ...ended,
      words: made.join('-'),
      answer: existsSync(answer) ? readFileSync(answer, 'utf8') : null,
    })
  } finally {
    for (const close of closing) await close()
  }
}

/** Reads both files at once, writes down the words that were in them, tells them; asked without these tools it says a few words. */
function mindOf(agent: Agent, project: string): Mind {
  return ({ tools, results }: Asked): Said => {
    const reads = FILES.map((side) => agent.read(join(project, `${side}.txt`)))
    if (!tools.has(reads[0]!.name)) return { text: 'Left and right' }
    const words = FILES.map((side) => new RegExp(`${side}-[0-9a-z]+`).exec(results.join(' '))?.[0]).join('-')
    const [first = '', second = ''] = THOUGHTS
    if (results.length === 0) return { thought: first, calls: reads }
    if (results.length === FILES.length)
      return { thought: second, calls: [agent.write(join(project, 'answer.txt'), words, tools)] }
    return { text: `Done: it is ${words}.` }
  }
}

/** Starts the agent in its folder, with nothing of this machine's environment but the path, and waits for its end. */
async function work(
  program: string,
  agent: Agent,
  post: Parameters<Agent['start']>[0],
): Promise<Pick<Ran, 'code' | 'out' | 'printed'>> {
  const { args, env } = agent.start(post)
  mkdirSync(join(post.home, 'tmp'), { recursive: true })
  const [file, before] = commandOf(program)
  const child = spawn(file, [...before, ...args], {
    cwd: post.project,
    env: { PATH: process.env['PATH'] ?? '', HOME: post.home, TMPDIR: join(post.home, 'tmp'), ...env },
    stdio: ['ignore', 'pipe', 'pipe'],
    timeout: LIMIT_MS,
    killSignal: 'SIGKILL',
  })
  let out = ''
  let printed = ''
  child.stdout.on('data', (text) => {
    out += text
    printed += text
  })
  child.stderr.on('data', (text) => {
    printed += text
  })
  const code = await new Promise<number | string>((resolve, reject) => {
    child.once('error', reject)
    child.once('close', (exit, signal) => resolve(exit ?? signal ?? 'ended'))
  })
  return { code, out, printed }
}
