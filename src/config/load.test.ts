// biome-ignore-all lint/suspicious/noTemplateCurlyInString: the variables of configuration files are written like that
import fc from 'fast-check'
import { describe, expect, test } from 'vitest'
import { type ConfigInput, formatProblem, type LoadResult, loadConfig } from './index.ts'

const PATHS = { cwd: '/srv/run', home: '/home/me', root: '/opt/waybill' }

function load(text: string | null, change: Partial<ConfigInput> = {}): LoadResult {
  const fileName = text === null ? null : '/etc/wb/waybill.yaml'
  return loadConfig({ text, fileName, env: {}, flags: {}, paths: PATHS, ...change })
}

function good(text: string | null, change: Partial<ConfigInput> = {}) {
  const result = load(text, change)
  if (!result.ok) throw new Error(result.errors.map(formatProblem).join('\n'))
  return result
}

function errors(text: string | null, change: Partial<ConfigInput> = {}): string[] {
  const result = load(text, { ...change, ...(text === null ? {} : { fileName: 'waybill.yaml' }) })
  if (result.ok) throw new Error('expected errors')
  return result.errors.map(formatProblem)
}

describe('the configuration', () => {
  test('is complete without file, variables and flags', () => {
    const { config, sources } = good(null)
    expect(config).toMatchObject({
      server: { host: '127.0.0.1', port: 7788, public: false, bodyLimit: 32 * 1024 * 1024 },
      data: '/opt/waybill/data',
      database: null,
      timeouts: { connectMs: 5000, firstTokenMs: null, idleMs: 30_000, totalMs: 1_800_000 },
      retries: 2,
      credits: 'unlimited',
      detect: true,
      simulator: true,
      providers: [],
    })
    expect(new Set(Object.values(sources).map((s) => s.kind))).toEqual(new Set(['default']))
  })

  test('keeps its data in the home directory when installed as a package', () => {
    const paths = { ...PATHS, root: '/usr/lib/node_modules/waybill' }
    expect(good(null, { paths }).config.data).toBe('/home/me/.waybill')
  })

  test('takes a flag over a variable over the file, and tells which it was', () => {
    const text = 'server:\n  port: 1\n  host: localhost\nretries: 3\ndetect: true\n'
    const env = { WAYBILL_PORT: '2', WAYBILL_RETRIES: '4', WAYBILL_CORS_ORIGINS: 'https://a.example, *' }
    const { config, sources } = good(text, { env, flags: { port: '3', detect: false } })
    expect(config.server.port).toBe(3)
    expect(config.retries).toBe(4)
    expect(config.detect).toBe(false)
    expect(config.cors.origins).toEqual(['https://a.example', '*'])
    expect(sources).toMatchObject({
      'server.port': { kind: 'flag', name: '--port' },
      'server.host': { kind: 'file', name: '/etc/wb/waybill.yaml:3' },
      retries: { kind: 'env', name: 'WAYBILL_RETRIES' },
      detect: { kind: 'flag', name: '--no-detect' },
      credits: { kind: 'default', name: 'default' },
    })
  })

  test('resolves paths from where they stand: the file, the working directory, the home directory', () => {
    expect(good('data: ./data').config.data).toBe('/etc/wb/data')
    expect(good('data: ./data', { fileName: 'conf/waybill.yaml' }).config.data).toBe('/srv/run/conf/data')
    expect(good('data: ./data', { env: { WAYBILL_DATA: 'd' } }).config.data).toBe('/srv/run/d')
    expect(good('data: ~/wb').config.data).toBe('/home/me/wb')
    expect(good('data: /abs').config.data).toBe('/abs')
  })

  test('is frozen all the way down', () => {
    const { config } = good('providers: { openai: { api_key: k, deployments: { a: b } } }')
    expect(Object.isFrozen(config.server) && Object.isFrozen(config.providers)).toBe(true)
    expect(() => {
      ;(config.providers[0]!.deployments as Record<string, string>)['a'] = 'c'
    }).toThrow(TypeError)
  })

  test('never prints a secret', () => {
    const text = `
database: postgres://u:pass-1@db/x
providers: { openai: { api_keys: [key-2, key-3], headers: { X-Auth: key-4 } } }`
    const { config } = good(text)
    expect(JSON.stringify(config, (_, v) => (typeof v === 'bigint' ? String(v) : v))).not.toMatch(
      /pass-1|key-/,
    )
    expect(config.database?.reveal()).toContain('pass-1')
    expect(config.providers[0]!.keys.map((k) => k.secret.reveal())).toEqual(['key-2', 'key-3'])
    expect(config.providers[0]!.headers[0]![0]).toBe('x-auth')
  })

  test('takes an empty section as not yet filled in', () => {
    const { config } = good('server:\nproviders:\n  openai:\n  groq: {}\n', {})
    expect(config.providers.map((p) => p.id)).toEqual(['openai', 'groq'])
  })

  test('is JSON too, and any number of spellings of it', () => {
    expect(good('{"server": {"port": 9}}').config.server.port).toBe(9)
    expect(good('').config.server.port).toBe(7788)
    expect(good('# nothing\n').config.server.port).toBe(7788)
    expect(good('base: &p 9\n'.replace('base', 'retries').replace('9', '3')).config.retries).toBe(3)
  })

  test.each([
    ['5s', 5000],
    ['500ms', 500],
    ['1.5m', 90_000],
    ['2h', 7_200_000],
  ])('reads %s as %d ms', (text, ms) => {
    expect(good(`timeouts: { first_token: ${text}, idle: ${text} }`).config.timeouts).toMatchObject({
      firstTokenMs: ms,
      idleMs: ms,
    })
  })

  test.each([
    ['7d', 604_800_000],
    ['0d', 0],
    ['forever', null],
  ])('keeps the details of calls for %s', (text, ms) => {
    expect(good(`retention: { details: ${text} }`).config.retention.detailsMs).toBe(ms)
  })

  test('reads sizes in decimal and binary units', () => {
    expect(good('server: { body_limit: 64mb }').config.server.bodyLimit).toBe(64_000_000)
    expect(good('server: { body_limit: 1.5MiB }').config.server.bodyLimit).toBe(1_572_864)
  })
})

describe('variables in the file', () => {
  test('are replaced in strings, as the kind of value that belongs there', () => {
    const text =
      'server: { port: "${P:-8080}", host: "${H}" }\ndetect: "${D}"\nproviders: { openai: { api_key: "${K}" } }'
    const { config } = good(text, { env: { H: 'localhost', D: 'false', K: 'k-1' } })
    expect(config.server).toMatchObject({ host: 'localhost', port: 8080 })
    expect(config.detect).toBe(false)
    expect(config.providers[0]!.keys[0]!.source).toBe('env:K')
  })

  test('are replaced after parsing: what they hold is text, never YAML and never another variable', () => {
    const text = 'providers: { openai: { api_key: "${K}", base_url: "http://${HOST:-h}:1/v1" } }'
    const { config } = good(text, { env: { K: '"},x:{${HOST}' } })
    expect(config.providers[0]!.keys[0]!.secret.reveal()).toBe('"},x:{${HOST}')
    expect(config.providers[0]!.baseUrl).toBe('http://h:1/v1')
  })

  test('leave their provider out with a warning when unset', () => {
    const text = 'providers:\n  openai: { api_key: "${OPENAI_API_KEY}" }\n  groq: { api_key: k }\n'
    const { config, warnings } = good(text, { env: { OPENAI_API_KEY: '' }, fileName: 'waybill.yaml' })
    expect(config.providers.map((p) => p.id)).toEqual(['groq'])
    expect(config.leftOut).toEqual(['openai'])
    expect(warnings.map(formatProblem)).toEqual([
      'waybill.yaml:2:22: Provider openai is left out: providers.openai.api_key needs OPENAI_API_KEY, which is not set.',
    ])
  })

  test('escape with a second dollar', () => {
    expect(good('data: "/x/$${HOME}"').config.data).toBe('/x/${HOME}')
  })
})

describe('every error says where, what and how to fix it:', () => {
  test.each<[string, string, string[]]>([
    [
      'an unknown key',
      'servr: { port: 1 }\nserver:\n  hots: x\n',
      [
        'waybill.yaml:1:1: Unknown key `servr`. Did you mean `server`?',
        'waybill.yaml:3:3: Unknown key `hots` in server. Did you mean `host`?',
      ],
    ],
    [
      'an unknown key that resembles nothing',
      'cors: { zebra: 1 }',
      ['waybill.yaml:1:9: Unknown key `zebra` in cors. Known here: origins.'],
    ],
    [
      'an unknown key whose value is empty',
      'timeoutz:\n',
      ['waybill.yaml:1:1: Unknown key `timeoutz`. Did you mean `timeouts`?'],
    ],
    [
      'an unknown key of a model',
      'providers:\n  v:\n    dialect: openai-chat\n    base_url: http://h/v1\n    models:\n      - { id: a/b, contextlength: 5 }\n',
      [
        'waybill.yaml:6:20: Unknown key `contextlength` in providers.v.models[0]. Did you mean `context_length`?',
      ],
    ],
    [
      'a wrong kind of value',
      'server: { port: abc, public: 3 }\nretries: 99\nproviders: [openai]',
      [
        'waybill.yaml:1:17: server.port must be a whole number from 0 to 65535, not "abc".',
        'waybill.yaml:1:30: server.public must be true or false, not 3.',
        'waybill.yaml:2:10: retries must be a whole number from 0 to 7, not 99.',
        'waybill.yaml:3:12: providers must be a mapping of names, not a list.',
      ],
    ],
    [
      'a time without unit',
      'timeouts: { idle: 30, connect: 5 s }',
      [
        'waybill.yaml:1:19: timeouts.idle must be a time with its unit, such as 500ms, 5s or 30m, not 30.',
        'waybill.yaml:1:32: timeouts.connect must be a time with its unit, such as 500ms, 5s or 30m, not "5 s".',
      ],
    ],
    [
      'a time that is too long',
      'timeouts: { total: 30h }',
      ['waybill.yaml:1:20: timeouts.total must be between 1ms and 24h.'],
    ],
    [
      'a wrong word of a closed list',
      'credits: prepayed',
      [
        'waybill.yaml:1:10: credits must be one of prepaid, unlimited, not "prepayed". Did you mean `prepaid`?',
      ],
    ],
    [
      'a host that others can reach',
      'server: { host: 0.0.0.0 }',
      [
        'waybill.yaml:1:17: server.host can be reached by others. Set server.public: true (or --public) to allow that, or take 127.0.0.1.',
      ],
    ],
    [
      'a misspelt provider',
      'providers:\n  opnai: { api_key: k }\n',
      [
        'waybill.yaml:2:3: `opnai` is no known provider. Did you mean `openai`? To add your own, give it dialect and base_url (dialects: openai-chat, openai-responses, anthropic-messages, gemini, bedrock-converse, bedrock-invoke, cohere, vertex-messages).',
      ],
    ],
    [
      'a provider that stands there twice',
      'providers:\n  bedrock: {}\n  amazon-bedrock: {}\n',
      [
        'waybill.yaml:3:3: providers.amazon-bedrock and providers.bedrock are the same provider (amazon-bedrock); keep one.',
      ],
    ],
    [
      'an address that is none, without the password in it',
      'providers: { openai: { base_url: "http://u:p@h/v1" } }\ndatabase: mysql://u:p@h\n',
      [
        'waybill.yaml:1:34: providers.openai.base_url must not hold a user name or password; use api_key or headers.',
        'waybill.yaml:2:11: database must be an address that begins with postgres://.',
      ],
    ],
    [
      'both ways of giving a key',
      'providers: { openai: { api_key: a, api_keys: [b] } }',
      ['waybill.yaml:1:36: providers.openai has api_key and api_keys; keep one of them.'],
    ],
    [
      'a key of our own, without the key',
      'providers: { openai: { api_key: sk-wb-v1-abc } }',
      [
        'waybill.yaml:1:33: providers.openai.api_key holds a key of this gateway, not of the provider; calls would come back here.',
      ],
    ],
    [
      'a secret of the wrong kind, without the secret',
      'providers: { openai: { api_key: [hush] } }',
      ['waybill.yaml:1:33: providers.openai.api_key must be a text, not a list.'],
    ],
    [
      'a header that is ours',
      'providers: { openai: { headers: { Host: x, "a b": y } } }',
      [
        'waybill.yaml:1:35: The header host is set by the gateway itself; remove it.',
        'waybill.yaml:1:44: `a b` is no header name.',
      ],
    ],
    [
      'a price that cannot be',
      'providers: { ollama: { models: [{ id: a/b, price: { prompt: "0.1234567", completion: "-1" } }, { id: c/d, price: { prompt: 1 } }, { id: e/f, price: cheap }] } }',
      [
        'waybill.yaml:1:86: providers.ollama.models[0].price.completion must be an amount in USD, such as "0.10", not "-1".',
        'waybill.yaml:1:114: providers.ollama.models[1].price.completion is missing; it must be an amount in USD, such as "0.10".',
        'waybill.yaml:1:149: providers.ollama.models[2].price must be `free`, or a mapping with at least prompt and completion, not "cheap".',
      ],
    ],
    [
      'a price finer than a pico-dollar per token',
      'providers: { ollama: { models: [{ id: a/b, price: { prompt: "0.1234567", completion: 1 } }] } }',
      [
        'waybill.yaml:1:61: providers.ollama.models[0].price.prompt has more than 6 decimals; prices are kept to a pico-dollar.',
      ],
    ],
    [
      'a model without author, a reserved one, one that stands there twice',
      'providers: { ollama: { models: [{ id: sim/x }, { id: a/b }, { id: a/b }] } }',
      [
        'waybill.yaml:1:39: sim/x: names that begin with sim/ belong to the simulator.',
        'waybill.yaml:1:67: a/b stands twice in providers.ollama.models.',
      ],
    ],
    [
      'a model name without author',
      'providers: { ollama: { models: [{ id: llama }] } }',
      [
        'waybill.yaml:1:39: providers.ollama.models[0].id must be a name such as my-team/llama-70b, not "llama".',
      ],
    ],
    [
      'a variable that is not set, outside a provider',
      'database: "${DB}"',
      ['waybill.yaml:1:11: database needs DB, which is not set. Set it, or give a default: ${DB:-value}.'],
    ],
    [
      'a variable that is none',
      'data: "/x/${not a name}"',
      [
        'waybill.yaml:1:7: data holds a `${` that names no variable. Write ${VARIABLE} or ${VARIABLE:-default}, and $${ where ${ itself is meant.',
      ],
    ],
    ['a tab', 'server:\n\tport: 1\n', ['waybill.yaml:2:1: A tab cannot indent YAML; use spaces.']],
    ['a key twice', 'retries: 1\nretries: 2\n', ['waybill.yaml:2:1: This key stands here twice; keep one.']],
    [
      'a list',
      '- a\n',
      ['waybill.yaml:1:1: The file must be a mapping of keys, such as `server:` and `providers:`.'],
    ],
    [
      'an alias of nothing',
      'data: *x\n',
      ['waybill.yaml:1:7: This alias (`*…`) names an anchor (`&…`) that does not stand above it.'],
    ],
    [
      'a second document',
      '---\nretries: 1\n---\nretries: 2\n',
      ['waybill.yaml:3:1: The file holds a second document (`---`); keep one.'],
    ],
    [
      'a reserved name',
      'providers: { simulator: {} }',
      ['waybill.yaml:1:14: `simulator` is a reserved name.'],
    ],
  ])('%s', (_, text, expected) => {
    expect(errors(text)).toEqual(expected)
  })

  test('variables and flags are named instead of a line', () => {
    expect(errors('retries: 2', { env: { WAYBILL_PORT: 'many' }, flags: { 'log-level': 'loud' } })).toEqual([
      'WAYBILL_PORT: server.port must be a whole number from 0 to 65535, not "many".',
      '--log-level: log.level must be one of debug, info, warn, error, silent, not "loud".',
    ])
  })

  test('a variable that is nearly a setting is a warning', () => {
    const { warnings } = good(null, {
      env: { WAYBILL_PROT: '1', WAYBILL_URL: 'x', WAYBILL_SOMETHING_ELSE: 'y' },
    })
    expect(warnings.map(formatProblem)).toEqual([
      'WAYBILL_PROT: This variable is not read. Did you mean `WAYBILL_PORT`?',
    ])
  })

  test('what came out of a variable is not shown', () => {
    const [message] = errors('server: { port: "${P}" }', { env: { P: 'hush' } })
    expect(message).toBe(
      'waybill.yaml:1:17: server.port must be a whole number from 0 to 65535, not this text.',
    )
  })
})

describe('limits', () => {
  test('a file over 1 MiB is refused', () => {
    expect(errors(`# ${'x'.repeat(1024 * 1024)}`)).toEqual(['waybill.yaml:1:1: The file is over 1 MiB.'])
  })

  test('a bomb of aliases is refused at once', () => {
    const levels = Array.from(
      { length: 12 },
      (_, i) => `a${i}: &a${i} [${`*a${i - 1},`.repeat(i === 0 ? 0 : 9)} 1]`,
    )
    const started = performance.now()
    expect(errors(levels.join('\n'))[0]).toContain('more than 50000 values')
    expect(performance.now() - started).toBeLessThan(2000)
  })

  test('a list inside itself and a tower of brackets are refused', () => {
    expect(errors('data: &x [*x]')[0]).toContain('nested more than 32 levels')
    expect(errors('['.repeat(100_000))[0]).toMatch(/waybill\.yaml:/)
    expect(errors(`data: ${'['.repeat(5000)}${']'.repeat(5000)}`)[0]).toContain('nested')
  })

  test('a key that would reach an object prototype is refused', () => {
    expect(errors('__proto__: { detect: false }')[0]).toContain('A key must be a plain word.')
    expect(errors('constructor: 1')[0]).toContain('Unknown key `constructor`')
    expect(errors('providers: { toString: {} }')[0]).toContain('`toString` cannot name a provider')
  })
})

describe('any text', () => {
  const word = fc.constantFrom(
    ...[
      'server',
      'port',
      'providers',
      'openai',
      'my',
      'models',
      'id',
      'price',
      'free',
      'prompt',
      '1',
      'true',
    ],
    ...[
      '~',
      '${A}',
      '${A:-x}',
      '${',
      '&a',
      '*a',
      '!!str',
      '"',
      "'",
      '|',
      '>',
      '-',
      '? ',
      '#',
      '%',
      '@',
      '__proto__',
    ],
    ...[': ', ':\n  ', '\n', '\n- ', '[', ']', '{', '}', ', ', '\t', '\u0000', '\ud800', '---\n', '<<: *a'],
  )
  const yaml = fc.oneof(
    fc.array(word, { maxLength: 40 }).map((words) => words.join('')),
    fc.string({ unit: 'binary', maxLength: 200 }),
    fc.json(),
  )

  test('yields a configuration or errors, and never throws', () => {
    const run = (text: string) => {
      const result = load(text, { env: { A: 'a' } })
      if (!result.ok) expect(result.errors.length).toBeGreaterThan(0)
      else expect(result.config.server.port).toBeTypeOf('number')
    }
    fc.assert(fc.property(yaml, run), { numRuns: 1500 })
  })

  test('never shows the key that is in it', () => {
    const secret = 'hush4711hush'
    const around = fc.tuple(yaml, yaml)
    const run = ([before, after]: [string, string]) => {
      const text = `${before}\nproviders: { openai: { api_key: ${secret} } }\n${after}`
      const result = load(text)
      const said = [...(result.ok ? [] : result.errors), ...result.warnings].map(formatProblem).join()
      expect(said).not.toContain(secret)
    }
    fc.assert(fc.property(around, run), { numRuns: 500 })
  })
})
