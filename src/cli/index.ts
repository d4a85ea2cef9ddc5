import { once } from 'node:events'
import { resolve } from 'node:path'
import { type ParseArgsOptionsConfig, parseArgs } from 'node:util'
import { version } from '../lib/index.ts'
import { connect } from './client.ts'
import { type Command, type CommandContext, CommandError, EXIT } from './command.ts'
import { activity } from './commands/activity.ts'
import { alerts, alertsMute, alertsTest } from './commands/alerts.ts'
import { backup, restore } from './commands/backup.ts'
import { budgetsList, budgetsRemove, budgetsSet } from './commands/budgets.ts'
import { creditsAdd, creditsShow } from './commands/credits.ts'
import { doctor } from './commands/doctor.ts'
import { keysCreate, keysDelete, keysDisable, keysList, keysRotate } from './commands/keys.ts'
import { ledgerVerify } from './commands/ledger.ts'
import { ledgerExplain, ledgerExport } from './commands/ledger-audit.ts'
import { logs, logsShow } from './commands/logs.ts'
import { models } from './commands/models.ts'
import { routeExplain } from './commands/route.ts'
import { usage } from './commands/usage.ts'
import { commandHelp, overview } from './help.ts'
import { nearest, usageSentence } from './nearest.ts'
import { START_HELP } from './start.ts'

/** Every command but `start`, longer names first so that `credits add` is not taken for `credits`. */
export const COMMANDS: readonly Command[] = [
  keysCreate,
  keysList,
  keysDisable,
  keysDelete,
  keysRotate,
  creditsAdd,
  creditsShow,
  budgetsSet,
  budgetsRemove,
  budgetsList,
  usage,
  activity,
  alertsTest,
  alertsMute,
  alerts,
  models,
  routeExplain,
  logsShow,
  logs,
  ledgerVerify,
  ledgerExplain,
  ledgerExport,
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
  /** Resolves when what was printed has left. */
  readonly flushed?: () => Promise<void>
  readonly env: NodeJS.ProcessEnv
  readonly cwd: string
}

const processIo: Io = {
  out: (line) => void process.stdout.write(`${line}\n`),
  error: (line) => void process.stderr.write(`${line}\n`),
  flushed: async () => {
    if (process.stdout.writableNeedDrain) await once(process.stdout, 'drain')
  },
  env: process.env,
  cwd: process.cwd(),
}

/** Runs `waybill ARGV…`; resolves to the exit code (see EXIT). `start` runs the server and resolves when it has ended. */
export async function run(argv: readonly string[], io: Io = processIo): Promise<number> {
  const [first] = argv
  if (first === '--version' || first === '-v') {
    io.out(version)
    return EXIT.ok
  }
  if (first !== undefined && HELP.includes(first)) return help(argv.slice(1), io)
  if (first === undefined || first === 'start' || first.startsWith('-'))
    return start(first === 'start' ? argv.slice(1) : argv, io)
  const found = find(argv)
  if (found !== undefined) return execute(found.command, found.rest, io)
  const asked = argv.findIndex((word) => HELP.includes(word))
  if (asked > 0) return help(argv.slice(0, asked), io)
  return unknown(argv, io)
}

const HELP: readonly string[] = ['help', '--help', '-h']

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

/** Says that there is no such command, and which one may be meant. */
function unknown(argv: readonly string[], io: Io): number {
  const words = argv.filter((word) => !word.startsWith('-')).slice(0, 2)
  const below = COMMANDS.filter((command) => command.name.startsWith(`${words[0]} `))
  if (below.length > 0 && words.length === 1) {
    io.error(`"waybill ${words[0]}" needs one more word: ${below.map(lastWord).join(', ')}.`)
    io.error(`Help: waybill ${words[0]} --help`)
    return EXIT.usage
  }
  const names = ['start', ...COMMANDS.map((command) => command.name)]
  const guess = nearest(words.join(' '), names) ?? nearest(words[0] ?? '', names)
  const hint = guess === null ? '' : ` Did you mean: waybill ${guess}`
  io.error(`"waybill ${words.join(' ')}" is not a command.${hint}`)
  io.error('All commands: waybill help')
  return EXIT.usage
}

const lastWord = ({ name }: Command): string => name.split(' ').at(-1)!

function help(words: readonly string[], io: Io): number {
  if (words.length === 0) io.out(overview(COMMANDS))
  else if (words[0] === 'start') io.out(START_HELP)
  else {
    const found = find(words)
    const below = COMMANDS.filter((command) => command.name.split(' ')[0] === words[0])
    if (found === undefined && (below.length === 0 || words.length > 1)) return unknown(words, io)
    io.out((found === undefined ? below : [found.command]).map(commandHelp).join('\n\n'))
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
    io.error((error as Error).message)
    return error instanceof CommandError ? error.exit : EXIT.failed
  }
}

function parse(command: Command, rest: readonly string[]) {
  const options = { ...COMMON, ...command.options }
  const seeHelp = `Help: waybill ${command.name} --help`
  let parsed: ReturnType<typeof parseArgs>
  try {
    parsed = parseArgs({ args: withNegatives(rest, options), options, allowPositionals: true })
  } catch (error) {
    const sentence = usageSentence(error, Object.keys(options))
    throw new CommandError(`${sentence}\n${seeHelp}`, EXIT.usage)
  }
  const extra = parsed.positionals[command.args === '' ? 0 : 1]
  if (extra !== undefined) {
    const meant = nearest(
      `${command.name} ${parsed.positionals[0]}`,
      COMMANDS.map(({ name }) => name),
    )
    const hint = meant === null || meant === command.name ? '' : ` Did you mean: waybill ${meant}`
    throw new CommandError(
      `"${extra}" is one word too many for "waybill ${command.name}".${hint}\n${seeHelp}`,
      EXIT.usage,
    )
  }
  return parsed
}

/** Amounts below zero are no options: they go to the option before them, or behind `--`. */
function withNegatives(args: readonly string[], options: ParseArgsOptionsConfig): string[] {
  const words: string[] = []
  const amounts: string[] = []
  for (const word of args) {
    const before = words.at(-1) ?? ''
    if (!/^-[\d.]/.test(word)) words.push(word)
    else if (options[before.replace(/^--/, '')]?.type === 'string') words.push(`${words.pop()}=${word}`)
    else amounts.push(word)
  }
  return amounts.length === 0 ? words : [...words, '--', ...amounts]
}

function contextOf(values: CommandContext['flags'], args: readonly string[], io: Io): CommandContext {
  return {
    args,
    flags: values,
    json: values['json'] === true,
    path: (name) => resolve(io.cwd, name),
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
      return openOffline(resolve(io.cwd, data))
    },
    out: io.out,
    flushed: io.flushed ?? (() => Promise.resolve()),
    say: (line) => {
      if (values['quiet'] !== true) io.error(line)
    },
  }
}
