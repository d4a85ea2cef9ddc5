import { type ParseArgsOptionsConfig, parseArgs } from 'node:util'
import { version } from '../lib/index.ts'
import { connect } from './client.ts'
import { type Command, type CommandContext, CommandError, EXIT } from './command.ts'
import { backup, restore } from './commands/backup.ts'
import { creditsAdd, creditsShow } from './commands/credits.ts'
import { doctor } from './commands/doctor.ts'
import { keysCreate, keysDisable, keysList, keysRotate } from './commands/keys.ts'
import { ledgerVerify } from './commands/ledger.ts'
import { models } from './commands/models.ts'
import { routeExplain } from './commands/route.ts'
import { commandHelp, overview, START_HELP } from './help.ts'
import { nearest } from './nearest.ts'

/** Every command but `start`, longer names first so that `credits add` is not taken for `credits`. */
export const COMMANDS: readonly Command[] = [
  keysCreate,
  keysList,
  keysDisable,
  keysRotate,
  creditsAdd,
  creditsShow,
  models,
  routeExplain,
  ledgerVerify,
  backup,
  restore,
  doctor,
]

const COMMON: ParseArgsOptionsConfig = {
  json: { type: 'boolean' },
  quiet: { type: 'boolean', short: 'q' },
  help: { type: 'boolean', short: 'h' },
  url: { type: 'string' },
  data: { type: 'string' },
}

export interface Io {
  readonly out: (line: string) => void
  readonly error: (line: string) => void
  readonly env: NodeJS.ProcessEnv
  readonly cwd: string
}

const processIo: Io = {
  out: (line) => void process.stdout.write(`${line}\n`),
  error: (line) => void process.stderr.write(`${line}\n`),
  env: process.env,
  cwd: process.cwd(),
}

/** Runs `waybill ARGV…`; resolves to the exit code (see EXIT). `start` runs the server and resolves when it has ended. */
export async function run(argv: readonly string[], io: Io = processIo): Promise<number> {
  const [first] = argv
  if (
    first === undefined ||
    first === 'start' ||
    (first.startsWith('--') && !['--help', '--version'].includes(first))
  )
    return start(first === 'start' ? argv.slice(1) : argv, io)
  if (['help', '--help', '-h'].includes(first)) return help(argv.slice(1), io)
  if (first === '--version') {
    io.out(version)
    return EXIT.ok
  }
  const found = find(argv)
  if (found === undefined) {
    const guess = nearest(argv.slice(0, 2).join(' '), ['start', ...COMMANDS.map((command) => command.name)])
    io.error(
      `"waybill ${argv.slice(0, 2).join(' ')}" is not a command.${guess === null ? '' : ` Did you mean: waybill ${guess}`}`,
    )
    io.error('All commands: waybill help')
    return EXIT.usage
  }
  return execute(found.command, found.rest, io)
}

async function start(argv: readonly string[], io: Io): Promise<number> {
  if (argv.includes('--help') || argv.includes('-h')) {
    io.out(START_HELP)
    return EXIT.ok
  }
  const { main } = await import('../main.ts')
  return main(argv)
}

function find(argv: readonly string[]): { command: Command; rest: readonly string[] } | undefined {
  for (const command of COMMANDS) {
    const words = command.name.split(' ')
    if (words.every((word, at) => argv[at] === word)) return { command, rest: argv.slice(words.length) }
  }
  return undefined
}

function help(words: readonly string[], io: Io): number {
  if (words[0] === 'start') io.out(START_HELP)
  else {
    const found = words.length > 0 ? find(words) : undefined
    io.out(found === undefined ? overview(COMMANDS) : commandHelp(found.command))
  }
  return EXIT.ok
}

async function execute(command: Command, rest: readonly string[], io: Io): Promise<number> {
  try {
    const { values, positionals } = parse(command, rest)
    if (values['help'] === true) {
      io.out(commandHelp(command))
      return EXIT.ok
    }
    return await command.run(contextOf(values as CommandContext['flags'], positionals, io))
  } catch (error) {
    if (!(error instanceof CommandError)) throw error
    io.error(error.message)
    return error.exit
  }
}

function parse(command: Command, rest: readonly string[]) {
  const options = { ...COMMON, ...command.options }
  try {
    return parseArgs({ args: [...rest], options, allowPositionals: true })
  } catch (error) {
    const wrong = /'(--?[^' ]+)/.exec((error as Error).message)?.[1]
    const guess =
      wrong === undefined
        ? null
        : nearest(
            wrong,
            Object.keys(options).map((name) => `--${name}`),
          )
    const hint = guess === null ? '' : ` Did you mean ${guess}?`
    throw new CommandError(
      `${(error as Error).message.split('. To specify')[0]}.${hint}\nHelp: waybill ${command.name} --help`,
      EXIT.usage,
    )
  }
}

function contextOf(values: CommandContext['flags'], args: readonly string[], io: Io): CommandContext {
  return {
    args,
    flags: values,
    json: values['json'] === true,
    client: () =>
      connect(
        {
          ...(typeof values['url'] === 'string' && { url: values['url'] }),
          ...(typeof values['data'] === 'string' && { data: values['data'] }),
        },
        io.env,
        io.cwd,
      ),
    async offline(data) {
      if (typeof data !== 'string') return null
      const { openOffline } = await import('../start/index.ts')
      return openOffline(data)
    },
    out: io.out,
    say: (line) => {
      if (values['quiet'] !== true) io.error(line)
    },
  }
}
