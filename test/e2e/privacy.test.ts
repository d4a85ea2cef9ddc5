import { lstatSync, mkdtempSync, readdirSync, readFileSync, rmSync } from 'node:fs'
import { tmpdir } from 'node:os'
import { join } from 'node:path'
import { afterAll, beforeAll, expect, it } from 'vitest'
import { type RunningGateway, startGateway } from '../harness/gateway.ts'
import { freshDatabase, hasPostgres } from '../harness/postgres.ts'
import { chatEvents, FAULTS, type FakeUpstream, fakeUpstream, json, sse } from '../upstream/index.ts'
import { chatReply } from '../upstream/openai-chat.ts'
import type { Step } from '../upstream/step.ts'
import { expectSound, postgresBook, topUp } from './rig/books.ts'
import { ask, keepAlive } from './rig/client.ts'
import { MODEL } from './rig/provider.ts'

/** Each stands for something that must never be kept; unlike anything else on the disk. */
const CANARY = {
  prompt: 'canary-prompt-7f3a91',
  system: 'canary-system-51b0c2',
  tool: 'canary-toolargs-c44e08',
  toolName: 'canary_toolname_19fd',
  image: Buffer.from('canary-image-bytes-d01f77').toString('base64'),
  file: 'canary-filename-66ab.pdf',
  answer: 'canary-answer-0e8d35',
  reasoning: 'canary-reasoning-b2c7',
  error: 'canary-upstream-error-9a12',
  providerKey: 'sk-canary-provider-key-4410',
  broken: 'canary-broken-json-83ce',
} as const

const answers: Step[] = [
  sse(chatEvents([`${CANARY.answer} one`, CANARY.answer])),
  chatReply(CANARY.answer),
  // Names that are no names.
  chatReply('x', { finish: `done because ${CANARY.answer}`, id: `of ${CANARY.answer}` }),
  sse(chatEvents(['x'], { finish: `done because ${CANARY.answer}`, id: `of ${CANARY.answer}` })),
  sse(
    chatEvents(['x']).map((event) =>
      event.replace('"content":"x"', `"content":"x","reasoning":"${CANARY.reasoning}"`),
    ),
  ),
]

const failures: Step[] = [
  json(400, { error: { message: CANARY.error, code: `because ${CANARY.error}` } }),
  json(401, { error: { message: `Incorrect API key provided: ${CANARY.providerKey}. ${CANARY.error}` } }),
  json(429, { error: { message: CANARY.error, type: `${CANARY.error} again` } }, { 'retry-after': '1' }),
  json(500, { error: { message: CANARY.error, metadata: { raw: CANARY.error } } }),
  json(500, { error: { message: CANARY.error, metadata: { provider_code: `for ${CANARY.error}` } } }),
  json(200, { error: { message: CANARY.error } }),
  sse([...chatEvents([CANARY.answer]).slice(0, 2), `data: {"error":{"message":"${CANARY.error}"}}\n\n`]),
  sse(chatEvents([CANARY.answer, CANARY.answer]).slice(0, 2), { ending: 'cut' }),
  sse(`data: {${CANARY.error}\n\ndata: {${CANARY.error}\n\n`),
  { status: 200, body: `<html>${CANARY.error}</html>`, headers: { 'content-type': 'text/html' } },
  ...Object.values(FAULTS).filter(({ act, ending }) => act !== 'hang' && ending !== 'stall'),
]

const bodies = (stream: boolean): Record<string, unknown>[] => {
  const system = { role: 'system', content: CANARY.system }
  const user = { role: 'user', content: CANARY.prompt }
  const tool = {
    type: 'function',
    function: { name: CANARY.toolName, description: CANARY.tool, parameters: { type: 'object' } },
  }
  const call = {
    id: 'call_1',
    type: 'function',
    function: { name: CANARY.toolName, arguments: JSON.stringify({ city: CANARY.tool }) },
  }
  const picture = { type: 'image_url', image_url: { url: `data:image/png;base64,${CANARY.image}` } }
  const file = {
    type: 'file',
    file: { filename: CANARY.file, file_data: `data:application/pdf;base64,${CANARY.image}` },
  }
  const base = { model: MODEL, max_tokens: 50, stream }
  return [
    { ...base, messages: [system, user] },
    { ...base, messages: [system, user], tools: [tool], tool_choice: 'auto' },
    {
      ...base,
      tools: [tool],
      messages: [
        user,
        { role: 'assistant', content: null, tool_calls: [call] },
        { role: 'tool', tool_call_id: 'call_1', content: CANARY.tool },
      ],
    },
    { ...base, messages: [{ role: 'user', content: [{ type: 'text', text: CANARY.prompt }, picture] }] },
    { ...base, messages: [{ role: 'user', content: [file] }] },
    // Refused by us, each in another place.
    { ...base, messages: [{ role: CANARY.prompt, content: CANARY.prompt }] },
    { ...base, messages: CANARY.prompt },
    { ...base, messages: [user], temperature: CANARY.prompt },
    { ...base, messages: [user], response_format: { type: CANARY.prompt } },
    { ...base, messages: [user], stop: [CANARY.prompt] },
    { ...base, messages: [user], metadata: { note: CANARY.prompt } },
    { ...base, model: 'test/unknown', messages: [user] },
  ]
}

let provider: FakeUpstream
let home: string
let printed = ''

beforeAll(async () => {
  provider = await fakeUpstream()
  home = mkdtempSync(join(tmpdir(), 'waybill-canary-'))
})

afterAll(async () => {
  await provider.close()
  rmSync(home, { recursive: true, force: true })
})

/** Every step has a provider of its own: what a failure does to its health must not keep the others from being asked. */
const steps = [...answers, ...failures]

const blocks = (url: string) =>
  steps.map(
    (_, at) => `
  p${at}:
    dialect: openai-chat
    base_url: "${url}/v1"
    api_key: "$\{PROVIDER_KEY}"
    models:
      - { id: ${MODEL}, upstream_id: upstream-${at}-, context_length: 131072, max_output: 8192,
          price: { prompt: "1", completion: "100" }, capabilities: [tools, vision, reasoning, structured_outputs] }`,
  )

/** Starts with everything logged. */
function start(more: string): Promise<RunningGateway> {
  return startGateway({
    config: `credits: prepaid\ndetect: false\nlog: { level: debug }\n${more}providers:${blocks(provider.url).join('')}\n`,
    env: { PROVIDER_KEY: CANARY.providerKey, TMPDIR: home },
  })
}

const SLOW = sse(chatEvents(Array(200).fill(CANARY.answer)), { gapMs: 5 })

async function traffic(gateway: RunningGateway): Promise<void> {
  const agent = keepAlive()
  provider.play(({ body }) => steps[Number(/upstream-(\d+)-/.exec(body)![1])]!)
  for (let at = 0; at < steps.length; at++) {
    const one = { provider: { only: [`p${at}`] } }
    const all = [...bodies(true), ...bodies(false)].map((body) =>
      ask(gateway, { ...body, ...one }, { agent }),
    )
    await Promise.all(all)
  }
  // Never whole: broken JSON, a client that leaves.
  for (const text of [`{"messages": "${CANARY.broken}`, `${CANARY.broken}`, `{"a": "${CANARY.broken}" `])
    await fetch(`${gateway.url}/api/v1/chat/completions`, {
      method: 'POST',
      headers: { authorization: `Bearer ${gateway.key}` },
      body: text,
    })
  provider.play(SLOW)
  const leaving = Array.from({ length: 10 }, () =>
    ask(gateway, { ...bodies(true)[0]!, provider: { only: ['p0'] } }, { agent, leaveAfter: 5 }),
  )
  await Promise.all(leaving)
  agent.destroy()
}

/** Files below a directory that hold any of the strings, `file: string` each. */
function hits(directory: string, strings: readonly string[], except: readonly string[] = []): string[] {
  const found: string[] = []
  for (const name of readdirSync(directory, { recursive: true, encoding: 'utf8' })) {
    const path = join(directory, name)
    if (!lstatSync(path).isFile() || except.includes(name)) continue
    const bytes = readFileSync(path)
    for (const text of strings) if (bytes.includes(text)) found.push(`${name}: ${text}`)
  }
  return found
}

it.each([
  ['embedded', true],
  ['on Postgres', hasPostgres],
])(
  'nothing that was said, and no key, is on the disk or in the log, %s',
  async (place, enough) => {
    if (!enough) return
    const database = place === 'embedded' ? null : await freshDatabase()
    let gateway = await start(database === null ? '' : `database: "${database.url}"\n`)
    try {
      await topUp(gateway, 1_000)
      gateway.process.stdout!.on('data', (text) => {
        printed += text
      })
      await traffic(gateway)

      // Killed with streams open, then started again: what recovery writes and says counts too.
      const open = Array.from({ length: 10 }, () =>
        ask(gateway, { ...bodies(true)[0]!, provider: { only: ['p1'] } }),
      )
      await new Promise((next) => setTimeout(next, 200))
      printed += gateway.log()
      await gateway.kill()
      await Promise.all(open)
      const { key } = gateway
      gateway = await gateway.restart()
      await expectSound(gateway)
      printed += gateway.log()

      const secret = [...Object.values(CANARY), key, Buffer.from(CANARY.providerKey).toString('base64')]
      const kept = ['waybill.yaml', 'runtime.json']
      expect(hits(gateway.dataDir, [...secret, gateway.operatorKey], kept)).toEqual([])
      expect(hits(home, secret)).toEqual([])
      expect(secret.filter((text) => printed.includes(text))).toEqual([])
      // The traffic was no idle one: it left its traces where it may.
      const asked = new Set(provider.requests.flatMap(({ body }) => /upstream-\d+-/.exec(body)?.[0] ?? []))
      expect(asked.size).toBe(steps.length)
      expect(provider.requests.some(({ body }) => body.includes(CANARY.image))).toBe(true)
      expect(provider.requests.at(-1)!.headers.authorization).toBe(`Bearer ${CANARY.providerKey}`)
      expect(printed).toContain('request ended')
      if (database !== null) expect(await rowsWith(database.url, secret)).toEqual([])
    } finally {
      await gateway.remove()
      await database?.drop()
    }
  },
  120_000,
)

/** Rows of any table that hold any of the strings. */
async function rowsWith(url: string, strings: readonly string[]): Promise<string[]> {
  const book = await postgresBook(url)
  const tables = await book.rows("select tablename from pg_tables where schemaname = 'public'")
  const found: string[] = []
  let rows = 0
  for (const { tablename } of tables) {
    for (const row of await book.rows(`select t::text as text from "${tablename}" t`)) {
      rows++
      for (const text of strings) if (String(row['text']).includes(text)) found.push(`${tablename}: ${text}`)
    }
  }
  await book.close()
  expect(rows).toBeGreaterThan(100)
  return found
}
