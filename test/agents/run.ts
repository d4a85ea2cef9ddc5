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
const PROMPT = 'Read notes.txt and write the word in it to answer.txt.'
export const THOUGHTS = ['I read the notes first, then I write.', 'Now I write it down.']

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
  /** The word in the notes. */
  readonly word: string
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
  const word = `word-${Math.random().toString(16).slice(2, 10)}`
  writeFileSync(join(project, 'notes.txt'), `The word is ${word}.\n`)
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
      word,
      answer: existsSync(answer) ? readFileSync(answer, 'utf8') : null,
    })
  } finally {
    for (const close of closing) await close()
  }
}

/** Reads the notes, writes the word that was in them, tells it; to a question without these tools it says a few words. */
function mindOf(agent: Agent, project: string): Mind {
  return ({ tools, results }: Asked): Said => {
    const read = agent.read(join(project, 'notes.txt'))
    if (!tools.has(read.name)) return { text: 'Notes and answer' }
    const word = /word-[0-9a-f]+/.exec(results.join(' '))?.[0] ?? 'nothing'
    const [first = '', second = ''] = THOUGHTS
    if (results.length === 0) return { thought: first, call: read }
    if (results.length === 1)
      return { thought: second, call: agent.write(join(project, 'answer.txt'), word, tools) }
    return { text: `Done: it is ${word}.` }
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
