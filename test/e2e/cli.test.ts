import { existsSync, mkdtempSync, rmSync, statSync, writeFileSync } from 'node:fs'
import { tmpdir } from 'node:os'
import { join } from 'node:path'
import { afterAll, beforeAll, describe, expect, it } from 'vitest'
import { type Ran, waybill } from '../harness/command.ts'
import { type RunningGateway, startGateway } from '../harness/gateway.ts'
import { chat, type FakeUpstream, fakeUpstream } from '../upstream/index.ts'

const MODEL = 'test/model'

let upstream: FakeUpstream
let gateway: RunningGateway
let scratch: string

beforeAll(async () => {
  scratch = mkdtempSync(join(tmpdir(), 'waybill-cli-'))
  upstream = await fakeUpstream({ script: chat(['Hello']) })
  gateway = await startGateway({
    config: `
credits: prepaid
providers:
  alpha:
    dialect: openai-chat
    base_url: "${upstream.url}/v1"
    api_key: key-of-alpha
    models:
      - { id: ${MODEL}, context_length: 131072, max_output: 1000, price: { prompt: "1", completion: "2" }, capabilities: [tools] }
  absent:
    dialect: openai-chat
    base_url: "http://127.0.0.1:1/v1"
    api_key: "\${NOT_SET_ANYWHERE}"
`,
  })
})

afterAll(async () => {
  await gateway?.remove()
  await upstream?.close()
  rmSync(scratch, { recursive: true, force: true })
})

/** Runs a command against the gateway of these tests. */
const cli = (...argv: string[]): Promise<Ran> => waybill([...argv, '--data', gateway.dataDir])
const json = async (...argv: string[]) => JSON.parse((await cli(...argv, '--json')).out)

/** The text with everything that differs from run to run replaced. */
function golden(text: string): string {
  return text
    .replaceAll(gateway.url, 'URL')
    .replaceAll(gateway.dataDir, 'DATA')
    .replace(/sk-wb-v1-\w{3}\.\.\.\w{3}/g, 'sk-wb-v1-???...???')
    .replace(/\b[0-9a-f]{12}\b/g, 'HASH12345678')
    .replace(/v\d+\.\d+\.\d+/g, 'vN')
}

const ask = (key: string, more: object = {}) =>
  gateway.call(
    'POST',
    '/chat/completions',
    { model: MODEL, messages: [{ role: 'user', content: 'Hi' }], max_tokens: 100, ...more },
    key,
  )

describe('waybill credits', () => {
  it('starts at nothing, adds, corrects, and shows the balance exactly', async () => {
    expect(await json('credits')).toEqual({
      organization_id: 'default',
      credits: 'prepaid',
      available_usd: '0',
      posted_usd: '0',
      held_usd: '0',
      credited_usd: '0',
      used_usd: '0',
    })
    expect(await cli('credits', 'add', '10.5')).toEqual({
      code: 0,
      err: '',
      out: [
        'available  $10.5',
        'held       $0',
        'added      $10.5',
        'used       $0',
        'mode       prepaid: requests stop when the balance is used up',
      ].join('\n'),
    })
    expect((await json('credits', 'add', '-0.5')).available_usd).toBe('10')
    expect((await json('credits', 'show')).available_usd).toBe('10')
  })

  it('credits a reference once, and refuses it with another amount', async () => {
    const before = Number((await json('credits')).available_usd)
    await cli('credits', 'add', '1', '--reference', 'invoice-7')
    await cli('credits', 'add', '1', '--reference', 'invoice-7')
    expect(Number((await json('credits')).available_usd)).toBe(before + 1)
    const other = await cli('credits', 'add', '2', '--reference', 'invoice-7')
    expect(other).toMatchObject({ code: 1, err: expect.stringContaining('another amount') })
  })

  it('never goes below zero: exit 5 and what is there', async () => {
    const refused = await cli('credits', 'add', '-500')
    expect(refused).toMatchObject({
      code: 5,
      out: '',
      err: 'The balance would fall below zero: $11.00 is available.',
    })
  })

  it.each([
    [['add'], 2, 'How much? waybill credits add USD'],
    [['add', 'abc'], 1, '"amount_usd": USD amount "abc" is not a decimal number.'],
    [['add', '0'], 1, '"amount_usd" must not be 0.'],
    [['show', 'me'], 2, '"me" is one word too many for "waybill credits".'],
    [['ad', '5'], 2, 'Did you mean: waybill credits add'],
  ])('says what is wrong with %j', async (words, code, sentence) => {
    const ran = await cli('credits', ...words)
    expect(ran).toMatchObject({ code, out: '' })
    expect(ran.err).toContain(sentence)
  })
})

describe('waybill keys', () => {
  it('makes a key that works, shown once on stdout and nowhere else', async () => {
    const made = await json('keys', 'create', 'laptop', '--limit', '20', '--reset', 'monthly')
    expect(made).toMatchObject({
      key: expect.stringMatching(/^sk-wb-v1-[0-9A-Za-z]{49}$/),
      name: 'laptop',
      limit: 20,
      limit_remaining: 20,
      limit_reset: 'monthly',
      disabled: false,
      is_management_key: false,
    })
    expect((await ask(made.key)).status).toBe(200)
    const people = await cli('keys', 'create', 'for people')
    expect(people.out).toMatch(/^sk-wb-v1-\w{49}$/)
    expect(people.err).toBe('The key "for people", shown only now:')
    expect((await waybill(['keys', 'create', 'q', '-q', '--data', gateway.dataDir])).err).toBe('')
  })

  it('makes a management key that administers and calls no model', async () => {
    const { key, is_management_key } = await json('keys', 'create', 'admin', '--management')
    expect(is_management_key).toBe(true)
    expect((await gateway.call('GET', '/keys', undefined, key)).status).toBe(200)
    expect((await ask(key)).status).toBe(403)
    // Without the operator key, from another place: by URL and WAYBILL_API_KEY.
    const away = { env: { WAYBILL_API_KEY: key } }
    expect((await waybill(['keys', 'list', '--url', gateway.url], away)).code).toBe(0)
    expect((await waybill(['credits', 'add', '5', '--url', gateway.url], away)).code).toBe(4)
  })

  it('lists them for people and for programs', async () => {
    const { data } = await json('keys', 'list')
    expect(data.map(({ name }: { name: string }) => name)).toEqual([
      'admin',
      'q',
      'for people',
      'laptop',
      'first',
    ])
    expect(data[3].usage).toBeGreaterThan(0)
    const { out } = await cli('keys', 'list')
    const [heading, ...rows] = golden(out).split('\n')
    expect(heading).toMatch(/^NAME +KEY +HASH +STATE +LIMIT +LEFT +RESET +SPENT$/)
    expect(rows[0]).toMatch(/^admin +sk-wb-v1-\?\?\?\.\.\.\?\?\? +HASH12345678 +management +\$0$/)
    expect(rows[3]).toMatch(/^laptop .* on +\$20 +\$19\.999\d+ +monthly +\$0\.000\d+$/)
    expect(out).not.toContain(gateway.key)
  })

  it('rotates: the cap goes over with what was spent, the old key works until the overlap ends', async () => {
    const first = await json('keys', 'create', 'turning', '--limit', '0.01')
    // $0.000012 a call; the worst case of a call is far below the cap.
    for (let n = 0; n < 3; n++) expect((await ask(first.key)).status).toBe(200)
    const left = (await gateway.call('GET', `/keys/${first.hash}`, undefined, gateway.operatorKey)).body.data
      .limit_remaining
    expect(left).toBeLessThan(0.01)
    const second = await json('keys', 'rotate', 'turning')
    expect(second.key).not.toBe(first.key)
    expect(second).toMatchObject({ name: 'turning', limit: 0.01, limit_remaining: left })
    expect((await ask(first.key)).status).toBe(200)
    expect((await ask(second.key)).status).toBe(200)
    expect((await cli('keys', 'list')).out).toMatch(/turning .* on, ends \d{4}-\d\d-\d\d \d\d:\d\d UTC/)
    const third = await json('keys', 'rotate', second.hash, '--overlap', '0')
    expect((await ask(second.key)).status).toBe(401)
    expect((await ask(third.key)).status).toBe(200)
    // The cap holds over the whole rotation: nothing was refilled.
    expect(third.limit_remaining).toBeLessThan(left)
    const short = await json('keys', 'rotate', third.hash, '--overlap', '1')
    expect((await ask(third.key)).status).toBe(200)
    await new Promise((resolve) => setTimeout(resolve, 1_100))
    const ended = await ask(third.key)
    expect(ended.status).toBe(401)
    expect(ended.body.error.message).toContain('expired')
    expect((await ask(short.key)).status).toBe(200)
  })

  it('a limit stops a key with 402, not the organization', async () => {
    const { key } = await json('keys', 'create', 'tight', '--limit', '0.000001')
    const refused = await ask(key)
    expect(refused.status).toBe(402)
    expect(refused.body.error.message).toContain('limit')
    expect((await ask(gateway.key)).status).toBe(200)
  })

  it('disables a key by its name or the beginning of its hash, at once', async () => {
    const { key, hash } = await json('keys', 'create', 'lost')
    expect(golden((await cli('keys', 'disable', 'lost')).out)).toBe('disabled lost (sk-wb-v1-???...???)')
    expect((await ask(key)).status).toBe(401)
    expect(await json('keys', 'disable', hash.slice(0, 12))).toMatchObject({ name: 'lost', disabled: true })
    expect(await cli('keys', 'disable', 'nobody')).toMatchObject({
      code: 1,
      err: 'No key "nobody". List the keys with: waybill keys list',
    })
    expect((await cli('keys', 'disable', 'turning')).err).toMatch(/^"turning" means \d keys\. Use a hash: /)
  })

  it.each([
    [['create'], 2, 'A key needs a name: waybill keys create NAME'],
    [['create', 'a', 'b'], 2, '"b" is one word too many for "waybill keys create".'],
    [['create', 'a', '--limit', 'x'], 1, '"limit": USD amount "x" is not a decimal number.'],
    [['create', 'a', '--limit', '-1'], 1, '"limit" must not be negative.'],
    [
      ['create', 'a', '--limit', '1', '--reset', 'hourly'],
      2,
      '--reset must be one of daily, weekly, monthly.',
    ],
    [['create', 'a', '--reset', 'daily'], 2, '--reset needs a --limit'],
    [['create', 'a', '--limt', '1'], 2, "Unknown option '--limt'. Did you mean --limit?"],
    [['rotate', 'laptop', '--overlap', 'soon'], 2, '--overlap must be a whole number, not "soon".'],
    [['disable'], 2, 'Which key? Give its name or hash.'],
    [['creat', 'x'], 2, 'Did you mean: waybill keys create'],
  ])('says what is wrong with %j', async (words, code, sentence) => {
    const ran = await cli('keys', ...words)
    expect(ran).toMatchObject({ code, out: '' })
    expect(ran.err).toContain(sentence)
  })
})

describe('waybill models', () => {
  it('finds models by name and ability', async () => {
    const { code, out, err } = await cli('models', 'llama', '--tools', '--limit', '2')
    expect({ code, err }).toEqual({ code: 0, err: expect.stringMatching(/^2 of \d+; more with --limit$/) })
    const [heading, ...rows] = out.split('\n')
    expect(heading).toMatch(/^MODEL +CONTEXT +IN \$\/M +OUT \$\/M +TOOLS {2}INPUT$/)
    expect(rows).toHaveLength(2)
    for (const row of rows) expect(row).toMatch(/llama.* [\d,]+ +[\d.?]+ +[\d.?]+ {2}yes/)
    const own = (await cli('models', MODEL)).out.split('\n')
    expect(own[1]).toMatch(/^test\/model +131,072 +1 +2 {2}yes {4}text$/)
  })

  it('gives the API its own rows in JSON, all of them', async () => {
    const { data, total_count } = await json('models')
    expect(data.length).toBe(total_count)
    expect(data.length).toBeGreaterThan(300)
    const cheap = await json('models', '--max-price-out', '0.5', '--sort', 'price', '--context', '100000')
    expect(cheap.data.length).toBeGreaterThan(5)
    for (const model of cheap.data) expect(model.context_length).toBeGreaterThanOrEqual(100_000)
  })

  it('says which orders there are', async () => {
    expect(await cli('models', '--sort', 'beauty')).toMatchObject({
      code: 1,
      err: expect.stringContaining('pricing-low-to-high'),
    })
    expect(await cli('models', '--limit', 'all')).toMatchObject({ code: 2 })
  })
})

describe('waybill route explain', () => {
  it('tells where a request would go, and sends nothing', async () => {
    const sent = upstream.requests.length
    // Speed is told where earlier requests have measured it.
    expect((await cli('route', 'explain', '-m', MODEL)).out.split('\n')).toEqual([
      'test/model   load-balance, up to 3 attempts',
      '',
      expect.stringMatching(/^# {2}endpoint {2}per million {2}share .*why$/),
      expect.stringMatching(/^1 {2}alpha {11}\$1\.25 .*by price$/),
      '',
      'would hold $0.004064',
    ])
    expect(await json('route', 'explain', MODEL, '--tools')).toMatchObject({
      requested: [MODEL],
      error: null,
      candidates: [{ rank: 1, provider: 'alpha', excluded: null, price_per_million: '1.25' }],
    })
    expect(upstream.requests.length).toBe(sent)
  })

  it('names what is left out and why, with the variable to set', async () => {
    const told = await json('route', 'explain', '-m', 'openai/gpt-5.1')
    expect(told.candidates.map(({ excluded }: { excluded: string }) => excluded)).toEqual(
      told.candidates.map(() => 'no_credential'),
    )
    expect(told.error).toMatchObject({
      code: 'no_endpoints',
      message: expect.stringContaining('OPENAI_API_KEY'),
    })
    const { out } = await cli('route', 'explain', '-m', 'openai/gpt-5.1', '--context', '900000')
    expect(out).toMatch(/– {2}openai .*/)
  })

  it('plans the body in a file as it stands', async () => {
    const file = join(scratch, 'body.json')
    writeFileSync(
      file,
      JSON.stringify({ model: MODEL, max_tokens: 10, messages: [{ role: 'user', content: 'Hi' }] }),
    )
    expect(await json('route', 'explain', '--request', file, '--surface', 'messages')).toMatchObject({
      surface: 'messages',
      max_tokens: 10,
      candidates: [{ provider: 'alpha' }],
    })
    writeFileSync(file, 'no json')
    expect(await cli('route', 'explain', '--request', file)).toMatchObject({
      code: 2,
      err: `${file} is not JSON.`,
    })
    expect((await cli('route', 'explain', '--request', join(scratch, 'none'))).code).toBe(2)
  })

  it('says what is wrong with it', async () => {
    expect(await cli('route', 'explain')).toMatchObject({
      code: 2,
      err: 'Which model? waybill route explain -m MODEL',
    })
    expect((await cli('route', 'explain', '-m', 'test/modle')).out).toContain('Did you mean test/model?')
    expect(await cli('route', 'explain', '-m', MODEL, '--context', 'lots')).toMatchObject({ code: 2 })
    expect((await cli('route', 'explain', '-m', MODEL, '--key', 'nobody')).err).toContain(
      'No key is named "nobody"',
    )
  })
})

describe('waybill ledger verify', () => {
  it('recomputes the ledger while the server runs', async () => {
    const report = await json('ledger', 'verify')
    expect(report).toMatchObject({ ok: true, held_nano: '0', holds_open: 0, faults: [] })
    expect(report.posted_nano).toMatch(/^\d+$/)
    expect((await cli('ledger', 'verify')).out).toMatch(
      /^ok: \d+ journals, \d+ entries, 0 open holds, posted \d+ nano-USD, held 0 nano-USD$/,
    )
  })

  it('says so when there is nothing to verify', async () => {
    const ran = await waybill(['ledger', 'verify', '--data', join(scratch, 'nothing')])
    expect(ran).toMatchObject({
      code: 1,
      out: '',
      err: `There is no database in ${join(scratch, 'nothing')}.`,
    })
    expect(existsSync(join(scratch, 'nothing'))).toBe(false)
  })
})

describe('waybill backup and restore', () => {
  it('puts yesterday back while the server runs, keys and balance with it', async () => {
    const file = join(scratch, 'yesterday.db')
    const before = await json('credits')
    expect(await cli('backup', file)).toMatchObject({ code: 0, out: `backed up to ${file}` })
    expect(statSync(file).mode & 0o777).toBe(0o600)
    await cli('credits', 'add', '3')
    const { key } = await json('keys', 'create', 'later')
    expect(await json('restore', file)).toEqual({ file, restored: true })
    expect(await json('credits')).toEqual(before)
    expect((await ask(key)).status).toBe(401)
    expect((await ask(gateway.key)).status).toBe(200)
    expect((await json('ledger', 'verify')).ok).toBe(true)
  })

  it('restores and verifies without a server, and finds what was tampered with', async () => {
    const file = join(scratch, 'offline.db')
    await cli('backup', file)
    const dataDir = join(scratch, 'elsewhere')
    expect((await waybill(['restore', file, '--data', dataDir])).code).toBe(0)
    expect(JSON.parse((await waybill(['ledger', 'verify', '--data', dataDir, '--json'])).out).ok).toBe(true)
    const { default: Database } = await import('better-sqlite3')
    const db = new Database(join(dataDir, 'waybill.db'))
    db.exec('drop trigger entries_no_update')
    const { id } = db.prepare<[], { id: string }>('select min(journal_id) as id from entries').get()!
    db.prepare('update entries set amount_nanos = amount_nanos + 1 where journal_id = ?').run(id)
    db.close()
    const faulty = await waybill(['ledger', 'verify', '--data', dataDir])
    expect(faulty.code).toBe(1)
    expect(faulty.out).toMatch(/^faulty: /)
    expect(faulty.out.split('\n')[1]).toMatch(/^ {2}I\d+ \S+/)
    const refused = await cli('restore', join(dataDir, 'waybill.db'))
    expect(refused.code).toBe(1)
    expect(refused.err).toContain('The ledger in')
  })

  it('refuses what is no backup, with its name', async () => {
    const text = join(scratch, 'notes.txt')
    writeFileSync(text, 'not a database at all, but long enough to look at')
    for (const where of [gateway.dataDir, join(scratch, 'empty')]) {
      const ran = await waybill(['restore', text, '--data', where])
      expect(ran.code).toBe(1)
      expect(ran.err).toContain(`${text} is no backup that can be restored`)
    }
    expect(await cli('restore', join(scratch, 'none.db'))).toMatchObject({
      code: 1,
      err: `There is no file ${join(scratch, 'none.db')}.`,
    })
    expect((await cli('backup', '/nowhere/at/all.db')).err).toMatch(/^The backup failed: /)
    expect(await cli('backup')).toMatchObject({ code: 2, err: 'Which file?' })
    expect((await ask(gateway.key)).status).toBe(200)
  })
})

describe('waybill doctor', () => {
  it('checks Node, server, catalog, providers and configuration', async () => {
    upstream.play({ status: 200, body: { data: [{ id: 'm' }] } })
    const fresh = await startGateway({
      config: `providers:\n  beta: { dialect: openai-chat, base_url: "${upstream.url}/v1", api_key: k }\n`,
    })
    try {
      const well = await waybill(['doctor', '--data', fresh.dataDir])
      expect(well.out.replaceAll(fresh.url, 'URL').replace(/v\d+\.\d+\.\d+/, 'vN')).toMatch(
        /^✔ Node: vN\n✔ Server: waybill 0\.1\.0 at URL, embedded database, credits unlimited\n✔ Catalog: \d+ models; your keys reach 0 endpoints\n✔ beta: file: works \(1 model\)$/,
      )
      expect(well.code).toBe(0)
    } finally {
      upstream.play(chat(['Hello']))
      await fresh.remove()
    }
  })

  it('warns of a provider without its variable, by place, and stays at exit 0', async () => {
    const { ok, checks } = await json('doctor')
    expect(ok).toBe(true)
    expect(checks).toContainEqual({
      name: 'Configuration',
      state: 'warning',
      detail: expect.stringMatching(
        /waybill\.yaml:\d+:\d+: Provider absent is left out: providers\.absent\.api_key needs NOT_SET_ANYWHERE/,
      ),
    })
  })

  it('exits 1 without a server, and says how to start one', async () => {
    const ran = await waybill(['doctor', '--url', 'http://127.0.0.1:1'])
    expect(ran.code).toBe(1)
    expect(ran.out).toContain(
      '✖ Server: No server answers at http://127.0.0.1:1. Start one with: waybill start',
    )
  })
})

describe('the server is found', () => {
  it.each([
    ['by --url', () => ['--url', gateway.url], () => ({})],
    ['by --url with /api/v1/', () => ['--url', `${gateway.url}/api/v1/`], () => ({})],
    ['by --data', () => ['--data', gateway.dataDir], () => ({ WAYBILL_URL: 'http://127.0.0.1:1' })],
    ['by WAYBILL_URL', () => [], () => ({ WAYBILL_URL: gateway.url })],
    ['by WAYBILL_DATA', () => [], () => ({ WAYBILL_DATA: gateway.dataDir })],
  ])('%s', async (_, flags, env) => {
    // The operator key is taken from the data directory, wherever the address comes from.
    const ran = await waybill(['models', 'test/', ...flags(), '--json'], { env: env() })
    expect(ran).toMatchObject({ code: 0, err: '' })
  })

  it('and its absence is exit 3 with the next command', async () => {
    expect(await waybill(['keys', 'list', '--data', join(scratch, 'none')])).toEqual({
      code: 3,
      out: '',
      err: 'No running server found. Start one with: waybill start (or name it with --url or --data)',
    })
    expect((await waybill(['keys', 'list', '--url', 'http://127.0.0.1:1'])).code).toBe(3)
  })

  it('and a stale runtime.json does not mislead', async () => {
    const dir = mkdtempSync(join(scratch, 'stale-'))
    writeFileSync(
      join(dir, 'runtime.json'),
      JSON.stringify({ url: 'http://127.0.0.1:1', pid: 999_999_999, operator_key: 'x' }),
    )
    expect((await waybill(['keys', 'list', '--data', dir])).code).toBe(3)
  })

  it('and a wrong key is exit 4', async () => {
    const wrong = { env: { WAYBILL_API_KEY: 'sk-wb-v1-wrong' } }
    expect(await waybill(['keys', 'list', '--url', gateway.url], wrong)).toMatchObject({ code: 4, out: '' })
    const inference = { env: { WAYBILL_API_KEY: gateway.key } }
    expect((await waybill(['credits', '--url', gateway.url], inference)).code).toBe(4)
  })
})
