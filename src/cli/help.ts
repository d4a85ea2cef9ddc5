import type { Command } from './command.ts'

const COMMON = `  --url URL             the server, e.g. http://127.0.0.1:7788
  --data DIR            the data directory of the server
  --json                one JSON object on stdout
  -q, --quiet           no talk on stderr
  -h, --help            this help`

/** `waybill help`: every command, a line each. */
export function overview(commands: readonly Command[]): string {
  const width = Math.max(...commands.map((command) => title(command).length))
  const lines = commands.map((command) => `  ${title(command).padEnd(width)}  ${command.summary}`)
  return [
    'waybill: one API for every model, run by yourself',
    '',
    'Commands',
    `  ${'start'.padEnd(width)}  run the gateway; also plain "waybill"`,
    ...lines,
    '',
    'Help on one: waybill help COMMAND',
    'Exit codes: 0 ok, 1 failed, 2 usage, 3 no server, 4 not allowed, 5 money',
    '',
    'Examples',
    '  waybill start',
    '  waybill keys create laptop --limit 20 --reset monthly',
  ].join('\n')
}

/** `waybill COMMAND --help`. */
export function commandHelp(command: Command): string {
  const options = Object.entries(command.options).map(([name, option]) => {
    const short = option.short === undefined ? '' : `-${option.short}, `
    const flag = `${short}--${name}${option.type === 'string' ? ` ${name.toUpperCase().split('-').at(-1)}` : ''}`
    return `  ${flag.padEnd(22)}${command.help[name] ?? ''}`
  })
  return [
    `waybill ${title(command)}: ${command.summary}`,
    '',
    'Options',
    ...options,
    COMMON,
    '',
    'Examples',
    ...command.examples.map((example) => `  ${example}`),
  ].join('\n')
}

function title(command: Command): string {
  return command.args === '' ? command.name : `${command.name} ${command.args}`
}
