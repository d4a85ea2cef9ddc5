import { execFile } from 'node:child_process'
import { once } from 'node:events'
import {
  chmodSync,
  existsSync,
  mkdirSync,
  mkdtempSync,
  readdirSync,
  readFileSync,
  rmSync,
  statSync,
  writeFileSync,
} from 'node:fs'
import { createServer, type Server } from 'node:net'
import { tmpdir } from 'node:os'
import { join } from 'node:path'
import { promisify } from 'node:util'
import { afterAll, afterEach, beforeAll, describe, expect, it } from 'vitest'
import { START_OPTIONS } from '../../src/cli/start.ts'
import { readGatewayStream } from '../chat-client.ts'
import { type CommandOptions, type Spawned, spawnWaybill, waybill } from '../harness/command.ts'
import { chat, fakeUpstream, json } from '../upstream/index.ts'

const READY = /"Hello"}]}'\n/

let scratch: string
const running: Spawned[] = []

beforeAll(() => {
  scratch = mkdtempSync(join(tmpdir(), 'waybill-start-'))
})

afterEach(async () => {
  for (const { child } of running) child.kill('SIGKILL')
  await Promise.all(running.splice(0).map(({ ended }) => ended))
})

afterAll(() => rmSync(scratch, { recursive: true, force: true }))

const freshDir = () => mkdtempSync(join(scratch, 'data-'))

function start(dataDir: string, args: readonly string[] = [], options: CommandOptions = {}): Spawned {
  const started = spawnWaybill(['start', '--data', dataDir, '--port', '0', ...args], {
    cwd: scratch,
    ...options,
  })
  running.push(started)
  return started
}

/** Waits until it has printed its text. */
async function first(started: Spawned): Promise<Spawned> {
  await started.until(READY)
  return started
}

async function stop({ child, ended }: Spawned): Promise<number | null> {
  child.kill('SIGTERM')
  return (await ended).code
}

const bash = (script: string) => promisify(execFile)('bash', ['-c', script], { timeout: 15_000 })

/** Every file below a directory, with its bytes. */
function files(dir: string): { path: string; mode: number; text: string }[] {
  return readdirSync(dir, { recursive: true, encoding: 'utf8' })
    .map((name) => join(dir, name))
    .filter((path) => statSync(path).isFile())
    .map((path) => ({ path, mode: statSync(path).mode & 0o777, text: readFileSync(path, 'latin1') }))
}

describe('the first start', () => {
  it('prints the address, the key once, and a curl that works when pasted', async () => {
    const dataDir = freshDir()
    const first = start(dataDir)
    const printed = await first.until(READY)
    const url = /http:\/\/127\.0\.0\.1:\d+/.exec(printed)![0]
    const key = /sk-wb-v1-\w{49}/.exec(printed)![0]
    expect(printed.replaceAll(url, 'URL').replaceAll(key, 'KEY').replaceAll(dataDir, 'DATA')).toBe(`
  waybill 0.1.0   URL   data DATA (embedded database)

  Providers    ✔ Simulator: sim/* models, not real, free of charge, always marked
                 Set a key such as OPENAI_API_KEY or ANTHROPIC_API_KEY and start again to reach real models.

  API          URL/api/v1
  Key          KEY   (shown only now)

  Try it       curl -N URL/api/v1/chat/completions \\
                 -H "Authorization: Bearer KEY" \\
                 -H "Content-Type: application/json" \\
                 -d '{"model":"sim/echo","stream":true,"messages":[{"role":"user","content":"Hello"}]}'

`)
    const pasted = await bash(printed.slice(printed.indexOf('curl -N')))
    const answer = readGatewayStream(pasted.stdout)
    expect(answer).toMatchObject({ done: true, error: null, choices: [{ text: '[simulated] Hello' }] })

    const runtime = join(dataDir, 'runtime.json')
    expect(JSON.parse(readFileSync(runtime, 'utf8'))).toMatchObject({ url, pid: expect.any(Number) })
    expect(statSync(dataDir).mode & 0o777).toBe(0o700)
    for (const { path, mode } of files(dataDir)) expect([path, mode]).toEqual([path, 0o600])
    for (const { path, text } of files(dataDir)) expect([path, text.includes(key)]).toEqual([path, false])

    expect(await stop(first)).toBe(0)
    expect(existsSync(runtime)).toBe(false)
    expect(first.err()).toBe('')

    const second = start(dataDir)
    const again = await second.until(READY)
    expect(again).not.toMatch(/sk-wb-v1-\w{49}/)
    expect(again).toContain(`Key          make one with: npx waybill keys create NAME --data ${dataDir}`)
    expect(again).toContain('Bearer YOUR_KEY')
    const address = /http:\/\/127\.0\.0\.1:\d+/.exec(again)![0]
    const still = await fetch(`${address}/api/v1/key`, { headers: { authorization: `Bearer ${key}` } })
    expect(still.status).toBe(200)
    expect((await waybill(['keys', 'create', 'next', '--data', dataDir])).code).toBe(0)
  })

  it('prints one JSON object with --json and nothing more', async () => {
    const started = start(freshDir(), ['--json'])
    const line = await started.until('\n')
    const told = JSON.parse(line)
    expect(told).toMatchObject({
      url: expect.stringMatching(/^http:\/\/127\.0\.0\.1:\d+$/),
      api: `${told.url}/api/v1`,
      key: expect.stringMatching(/^sk-wb-v1-\w{49}$/),
      pid: expect.any(Number),
      version: '0.1.0',
      warnings: [],
    })
    expect(await stop(started)).toBe(0)
    expect(started.out()).toBe(line)
  })

  it('makes no key with --no-first-key', async () => {
    const dataDir = freshDir()
    const told = JSON.parse(await start(dataDir, ['--json', '--no-first-key']).until('\n'))
    expect(told).not.toHaveProperty('key')
    const { out } = await waybill(['keys', 'list', '--json', '--data', dataDir])
    expect(JSON.parse(out).data).toEqual([])
  })

  it('knows every flag that its help names, and the help names every flag', async () => {
    const { out } = await waybill(['start', '--help'])
    for (const name of Object.keys(START_OPTIONS)) expect(out).toMatch(new RegExp(`--(no-)?${name}\\b`))
    const port = await start(freshDir(), [
      '--no-simulator',
      '--log-level',
      'debug',
      '--json',
      '--host',
      'localhost',
    ]).until('\n')
    const { url } = JSON.parse(port)
    const models = (await (await fetch(`${url}/api/v1/models?q=sim/`)).json()) as { data: { id: string }[] }
    expect(models.data.filter(({ id }) => id.startsWith('sim/'))).toEqual([])
  })

  it('is ready within a second on an existing data directory', async () => {
    const dataDir = freshDir()
    await stop(await ready(dataDir))
    const times: number[] = []
    // The machine may be busy with other tests: the best of a few tells.
    for (let n = 0; n < 3 || (n < 8 && Math.min(...times) > 2_000); n++) {
      const began = performance.now()
      const server = await ready(dataDir)
      times.push(performance.now() - began)
      await stop(server)
    }
    // The goal is 1.0 s on an idle machine.
    expect(Math.min(...times)).toBeLessThan(2_000)
    console.log(`ready on an existing data directory: ${times.map(Math.round).join(', ')} ms`)

    async function ready(dir: string): Promise<Spawned> {
      const started = start(dir, ['--json'])
      const { url } = JSON.parse(await started.until('\n'))
      expect((await fetch(`${url}/ready`)).status).toBe(200)
      return started
    }
  })
})

/** Values that must never be seen again, by variable. */
const KEYS = Object.fromEntries(
  [
    'OPENAI_API_KEY',
    'ANTHROPIC_API_KEY',
    'GEMINI_API_KEY',
    'MISTRAL_API_KEY',
    'GROQ_API_KEY',
    'DEEPSEEK_API_KEY',
    'XAI_API_KEY',
    'OPENROUTER_API_KEY',
    'TOGETHER_API_KEY',
    'FIREWORKS_API_KEY',
    'CEREBRAS_API_KEY',
    'COHERE_API_KEY',
    'PERPLEXITY_API_KEY',
    'NVIDIA_API_KEY',
    'MOONSHOT_API_KEY',
    'SAMBANOVA_API_KEY',
    'NOVITA_API_KEY',
    'NEBIUS_API_KEY',
  ].map((name, n) => [name, `canary-${n}-${'Zq7xV2'.repeat(3)}`]),
)

describe('provider keys in the environment', () => {
  // Names that never resolve: what a machine without a network does, and one whose resolver hangs.
  const resolver = (how: string) => {
    const file = join(scratch, `dns-${how}.cjs`)
    const body = {
      fails: "process.nextTick(done, Object.assign(new Error('no'), { code: 'ENOTFOUND' }))",
      hangs: '{}',
    }[how]
    writeFileSync(
      file,
      `const dns = require('node:dns'); const real = dns.lookup
       dns.lookup = (name, options, done) => { if (/^(localhost|127\\.|::1)/.test(name)) return real(name, options, done)
       if (typeof options === 'function') done = options
       ${body} }`,
    )
    return { NODE_OPTIONS: `--require=${file}` }
  }

  it.each(['fails', 'hangs'])('are shown by name with a state, at once though DNS %s', async (how) => {
    const dataDir = freshDir()
    await stop(await first(start(dataDir, ['--no-detect'])))
    let began = performance.now()
    await stop(await first(start(dataDir, ['--no-detect'])))
    const plain = performance.now() - began
    began = performance.now()
    const started = start(dataDir, [], { env: { ...KEYS, ...resolver(how) } })
    const printed = await started.until(READY)
    const took = performance.now() - began
    console.log(`with ${Object.keys(KEYS).length} keys, DNS ${how}: ${Math.round(took)} ms`)
    // Under 1.5 s on an idle machine: people wait at most 0.8 s for what the probes say.
    expect(took).toBeLessThan(plain * 2 + 1_000)
    for (const name of Object.keys(KEYS))
      expect(printed).toMatch(new RegExp(`[✖·] .+ \\(${name}\\): (unreachable|checking|not checked)`))
    expect(await stop(started)).toBe(0)
    const disk = files(dataDir).map(({ text }) => text)
    for (const value of Object.values(KEYS))
      for (const text of [started.out(), started.err(), ...disk]) expect(text.includes(value)).toBe(false)
  })

  it('limit the first key to $20 a day, with the command that makes another', async () => {
    const dataDir = freshDir()
    const printed = await start(dataDir, [], {
      env: { GROQ_API_KEY: KEYS['GROQ_API_KEY']!, ...resolver('fails') },
    }).until(READY)
    expect(printed).toContain(
      `It may spend $20 a day; make one without a limit: npx waybill keys create NAME --data ${dataDir}`,
    )
    const { out } = await waybill(['keys', 'list', '--json', '--data', dataDir])
    expect(JSON.parse(out).data[0]).toMatchObject({ name: 'first', limit: 20, limit_reset: 'daily' })
    expect((await waybill(['doctor', '--data', dataDir])).out).toMatch(
      /Groq: env:GROQ_API_KEY: (unreachable|checking)/,
    )
  })

  it('are left alone with --no-detect, and ours are never taken for a provider’s', async () => {
    const env = { OPENAI_API_KEY: KEYS['OPENAI_API_KEY']!, ...resolver('fails') }
    const off = await start(freshDir(), ['--no-detect'], { env }).until(READY)
    expect(off).not.toContain('OPENAI_API_KEY)')
    const ours = { OPENAI_API_KEY: `sk-wb-v1-${'a'.repeat(49)}` }
    const looped = await start(freshDir(), [], { env: ours }).until(READY)
    expect(looped).toContain('OpenAI is left out: OPENAI_API_KEY holds a key of this gateway')
    expect(looped).not.toContain('a'.repeat(49))
  })

  it('that the provider refuses and takes show so; the base URL of the file is asked', async () => {
    const good = await fakeUpstream({ script: json(200, { data: [{ id: 'a' }, { id: 'b' }] }) })
    const bad = await fakeUpstream({ script: json(401, { error: { message: 'no' } }) })
    const file = join(scratch, 'probes.yaml')
    writeFileSync(
      file,
      `providers:\n  openai: { base_url: "${good.url}/v1" }\n  groq: { base_url: "${bad.url}/v1", api_key: "\${GROQ_API_KEY}" }\n`,
    )
    try {
      const { OPENAI_API_KEY, GROQ_API_KEY } = KEYS
      const printed = await start(freshDir(), ['--config', file], {
        env: { OPENAI_API_KEY: OPENAI_API_KEY!, GROQ_API_KEY: GROQ_API_KEY! },
      }).until(READY)
      expect(printed).toContain('✔ OpenAI (OPENAI_API_KEY): works (2 models)')
      expect(printed).toContain('✖ Groq (GROQ_API_KEY): refused (401): is the key still valid?')
      expect(good.requests[0]).toMatchObject({
        method: 'GET',
        path: '/v1/models',
        headers: { authorization: `Bearer ${OPENAI_API_KEY}` },
      })
    } finally {
      await Promise.all([good.close(), bad.close()])
    }
  })
})

describe('a local Ollama', () => {
  it('is found at OLLAMA_HOST, and its models answer free of charge', async () => {
    const answer = chat(['from ollama'])
    const models = json(200, { object: 'list', data: [{ id: 'llama3.2:3b' }, { id: 'qwen3:8b' }] })
    const ollama = await fakeUpstream({
      script: (request) => (request.body === '' ? models : answer(request)),
    })
    try {
      const dataDir = freshDir()
      const env = { OLLAMA_HOST: `127.0.0.1:${ollama.port}` }
      const started = start(dataDir, ['--json'], { env })
      const { url, key } = JSON.parse(await started.until('\n'))
      const list = async () =>
        ((await (await fetch(`${url}/api/v1/models?q=ollama/`)).json()) as { data: { id: string }[] }).data
      let found: { id: string }[] = []
      for (let n = 0; n < 100 && found.length < 2; n++) {
        found = await list()
        await new Promise((resolve) => setTimeout(resolve, 20))
      }
      expect(found.map(({ id }) => id).sort()).toEqual(['ollama/llama3.2:3b', 'ollama/qwen3:8b'])
      expect(found[0]).toMatchObject({ pricing: { prompt: '0', completion: '0' } })
      const reply = await fetch(`${url}/api/v1/chat/completions`, {
        method: 'POST',
        headers: { authorization: `Bearer ${key}` },
        body: JSON.stringify({ model: 'ollama/llama3.2:3b', messages: [{ role: 'user', content: 'Hi' }] }),
      })
      expect(await reply.json()).toMatchObject({
        provider: 'Ollama',
        choices: [{ message: { content: 'from ollama' } }],
        usage: { cost: 0 },
      })
      expect(JSON.parse(ollama.requests.at(-1)!.body).model).toBe('llama3.2:3b')
      await stop(started)

      const text = await start(dataDir, [], { env }).until(READY)
      expect(text).toContain('✔ Ollama (no key needed): works (2 models)')
      const without = await start(freshDir(), ['--no-detect'], { env }).until(READY)
      expect(without).not.toContain('Ollama')
    } finally {
      await ollama.close()
    }
  })
})

describe('a start that cannot be', () => {
  const busy = async (port: number): Promise<Server> => {
    const server = createServer().listen(port, '127.0.0.1')
    await once(server, 'listening')
    return server
  }

  it('moves on from the default port when that is busy, and says so', async () => {
    const holder = await busy(7788).catch(() => null)
    try {
      const started = spawnWaybill(['start', '--data', freshDir()], { cwd: scratch })
      running.push(started)
      const printed = await started.until(READY)
      expect(printed).toMatch(/http:\/\/127\.0\.0\.1:77(89|9\d|80\d) {3}\(7788 was busy\)/)
    } finally {
      holder?.close()
    }
  })

  it('ends with a sentence when an explicit port is busy', async () => {
    const holder = await busy(0)
    try {
      const { port } = holder.address() as { port: number }
      const dataDir = freshDir()
      const ran = await spawnWaybill(['start', '--data', dataDir, '--port', String(port)]).ended
      expect(ran).toEqual({
        code: 1,
        out: '',
        err: `waybill: Port ${port} is in use by another program. Choose another one with --port, or stop that program.\n`,
      })
      expect(existsSync(join(dataDir, 'runtime.json'))).toBe(false)
    } finally {
      holder.close()
    }
  })

  it('names the process that has the data directory', async () => {
    const dataDir = freshDir()
    const first = start(dataDir, ['--json'])
    const { pid } = JSON.parse(await first.until('\n'))
    const second = start(dataDir, ['--json'])
    const { code, out, err } = await second.ended
    expect({ code, out }).toEqual({ code: 1, out: '' })
    expect(err).toContain(`another waybill (pid ${pid}) uses this data directory: ${dataDir}`)
    expect(err).not.toContain('    at ')
    // The refused one must not take the other's runtime.json with it.
    expect(JSON.parse(readFileSync(join(dataDir, 'runtime.json'), 'utf8')).pid).toBe(pid)
  })

  it('starts again after a kill -9, over the stale runtime.json', async () => {
    const dataDir = freshDir()
    const first = start(dataDir, ['--json'])
    await first.until('\n')
    first.child.kill('SIGKILL')
    await first.ended
    expect(existsSync(join(dataDir, 'runtime.json'))).toBe(true)
    const second = start(dataDir, ['--json'])
    const { url } = JSON.parse(await second.until('\n'))
    expect((await fetch(`${url}/ready`)).status).toBe(200)
  })

  it('says that it may not write, whether root runs the tests or not', async () => {
    const closed = join(scratch, 'closed')
    mkdirSync(join(closed, 'data'), { recursive: true })
    chmodSync(closed, 0o555)
    chmodSync(join(closed, 'data'), 0o555)
    chmodSync(scratch, 0o755)
    const uid = process.getuid?.() === 0 ? { uid: 65_534 } : {}
    for (const dir of ['data', 'new']) {
      const ran = await spawnWaybill(['start', '--data', join(closed, dir), '--port', '0'], uid).ended
      expect(ran).toEqual({
        code: 1,
        out: '',
        err: `waybill: The data directory ${join(closed, dir)} cannot be used: this user may not write there. Name another one with --data, or mend it.\n`,
      })
    }
    // A home that cannot be written is no obstacle where nothing has to be written there.
    const own = join(scratch, 'own')
    mkdirSync(own, { mode: 0o777 })
    chmodSync(own, 0o777)
    const started = start(own, ['--json'], { ...uid, env: { HOME: closed } })
    expect(JSON.parse(await started.until('\n')).key).toMatch(/^sk-wb-v1-/)
  })

  it.each([
    [['--host', '0.0.0.0'], 1, 'Set server.public: true (or --public)'],
    [['--port', '80x'], 1, 'must be a whole number from 0 to 65535, not "80x"'],
    [['--config', '/nowhere/waybill.yaml'], 1, 'The configuration /nowhere/waybill.yaml cannot be read'],
    [['--prot', '80'], 2, "Unknown option '--prot'. Did you mean --port?"],
    [['--no-detct'], 2, 'Did you mean --no-detect?'],
    [['extra'], 2, "Unexpected argument 'extra'."],
    [['--log-level', 'loud'], 1, 'debug, info, warn, error'],
  ])('says what is wrong with %j', async (args, code, sentence) => {
    const ran = await spawnWaybill(['start', '--data', freshDir(), '--port', '0', ...args]).ended
    expect(ran).toMatchObject({ code, out: '' })
    expect(ran.err).toContain(sentence)
    expect(ran.err).not.toContain('    at ')
  })

  it('says all that is wrong with a file, by line and column', async () => {
    const file = join(scratch, 'wrong.yaml')
    const refused = async (text: string) => {
      writeFileSync(file, text)
      const { code, out, err } = await spawnWaybill(['start', '--data', freshDir(), '--config', file]).ended
      expect({ code, out }).toEqual({ code: 1, out: '' })
      return err.trimEnd().split('\n')
    }
    expect(await refused('server: { prot: 80 }\nretries: many\n')).toEqual([
      expect.stringMatching(/wrong\.yaml:1:11: .*`prot`.*Did you mean `port`/),
      expect.stringMatching(/wrong\.yaml:2:10: retries must be/),
    ])
    expect(await refused('providers:\n  opnai: { api_key: x }\n')).toEqual([
      expect.stringMatching(/wrong\.yaml:2:3: .*opnai.*Did you mean `openai`/),
    ])
  })
})

describe('the end', () => {
  it('comes at once without requests, and lets those that run finish', async () => {
    const started = start(freshDir(), ['--json'])
    const { url, key } = JSON.parse(await started.until('\n'))
    const slow = fetch(`${url}/api/v1/chat/completions`, {
      method: 'POST',
      headers: { authorization: `Bearer ${key}` },
      body: JSON.stringify({
        model: 'sim/lorem-500',
        max_tokens: 150,
        stream: true,
        messages: [{ role: 'user', content: 'x' }],
      }),
    })
    const response = await slow
    started.child.kill('SIGTERM')
    await new Promise((resolve) => setTimeout(resolve, 100))
    const refused = await fetch(`${url}/ready`).then(
      ({ status }) => status,
      () => 'closed',
    )
    expect([503, 'closed']).toContain(refused)
    expect(await response.text()).toContain('data: [DONE]')
    expect((await started.ended).code).toBe(0)
  })
})
