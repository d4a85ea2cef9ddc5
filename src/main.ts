import { readFileSync, realpathSync } from 'node:fs'
import { homedir } from 'node:os'
import { dirname, resolve } from 'node:path'
import { fileURLToPath } from 'node:url'
import { parseArgs } from 'node:util'
import { usageSentence } from './cli/nearest.ts'
import { START_NAMES, START_OPTIONS } from './cli/start.ts'
import {
  type Config,
  type ConfigInput,
  formatProblem,
  type LoadResult,
  loadConfig,
  watchConfig,
} from './config/index.ts'
import { systemClock } from './lib/index.ts'
import { Server, startFailure } from './start/index.ts'
import { createLog } from './telemetry/index.ts'

/** Runs `waybill start ARGV…` until a signal ends it. Resolves to the exit code: 0 after a drain, 1 when it could not start, 2 for wrong options. */
export async function main(argv: readonly string[]): Promise<number> {
  const args = argv[0] === 'start' ? argv.slice(1) : argv
  let values: Readonly<Record<string, string | boolean | undefined>>
  try {
    values = parseArgs({ args: [...args], options: START_OPTIONS, allowNegative: true, strict: true }).values
  } catch (error) {
    return refuse([usageSentence(error, START_NAMES), 'Help: waybill start --help'], 2)
  }
  const file = configFile(values['config'])
  const load = loaderOf(file, values)
  let text: string | null
  try {
    text = file === null ? null : readFileSync(file, 'utf8')
  } catch {
    return refuse([`The configuration ${file} cannot be read. Is the path right?`])
  }
  const loaded = load(text)
  if (!loaded.ok) return refuse(loaded.errors.map(formatProblem))
  return serve(loaded, file, load, values)
}

async function serve(
  loaded: Extract<LoadResult, { ok: true }>,
  file: string | null,
  load: (text: string | null) => LoadResult,
  values: Readonly<Record<string, string | boolean | undefined>>,
): Promise<number> {
  const { config } = loaded
  const log = createLog(config.log.level)
  const server = new Server({
    clock: systemClock,
    env: process.env,
    log,
    portIsExplicit: loaded.sources['server.port']?.kind !== 'default',
    dataIsNamed: loaded.sources['data']?.kind !== 'default',
    firstKey: values['first-key'] !== false,
    json: values['json'] === true,
    print: (line) => void process.stdout.write(`${line}\n`),
  })
  try {
    await server.start(config, loaded.warnings.map(formatProblem))
  } catch (error) {
    await server.abandon()
    return refuse([startFailure(error, config.data)])
  }
  // All that may happen to a server that is said to be ready is provided for before it is said.
  const watch = file === null ? null : follow(file, load, config, server, log)
  process.on('SIGHUP', () => void watch?.reload())
  const ended = server.untilSignal(process.env['WAYBILL_LAUNCHER_PID'])
  void watch?.reload()
  await server.announce()
  const code = await ended
  watch?.close()
  log.flush()
  return code
}

function follow(
  path: string,
  load: (text: string | null) => LoadResult,
  current: Config,
  server: Server,
  log: ReturnType<typeof createLog>,
) {
  return watchConfig({
    path,
    load,
    current,
    onChange(config, diff, warnings) {
      server.apply(config, warnings.map(formatProblem))
      log.info('the configuration was reloaded', { file: path, count: diff.changed.length })
      for (const name of diff.needsRestart) log.warn(`${name} changed and needs a restart`, { file: path })
    },
    onError(errors) {
      for (const error of errors)
        log.error(`the last good configuration stays: ${formatProblem(error)}`, { file: path })
    },
  })
}

/** `--config`, else WAYBILL_CONFIG, else waybill.yaml in the working directory when there is one. */
function configFile(flag: string | boolean | undefined): string | null {
  const named = typeof flag === 'string' ? flag : process.env['WAYBILL_CONFIG']
  if (named !== undefined && named !== '') return resolve(named)
  const usual = resolve('waybill.yaml')
  try {
    readFileSync(usual)
    return usual
  } catch {
    return null
  }
}

function loaderOf(fileName: string | null, values: Readonly<Record<string, string | boolean | undefined>>) {
  const { config: _, json: __, 'first-key': ___, ...flags } = values
  const root = dirname(dirname(fileURLToPath(import.meta.url)))
  const paths = { cwd: process.cwd(), home: homedir(), root }
  return (text: string | null) =>
    loadConfig({ text, fileName, env: process.env, flags: flags as ConfigInput['flags'], paths })
}

function refuse(sentences: readonly string[], code = 1): number {
  for (const sentence of sentences) process.stderr.write(`waybill: ${sentence}\n`)
  return code
}

/** The file this process was started with, links followed. */
function isEntry(): boolean {
  const started = process.argv[1]
  return started !== undefined && realpathSync(resolve(started)) === fileURLToPath(import.meta.url)
}

if (isEntry()) process.exitCode = await main(process.argv.slice(2))
