/** What `waybill start` takes on the command line: `main.ts` parses by it, help is made of it. */
export const START_OPTIONS = {
  config: { type: 'string', value: 'FILE', help: 'configuration; ./waybill.yaml when it exists' },
  data: { type: 'string', value: 'DIR', help: 'directory of the embedded database' },
  host: { type: 'string', value: 'HOST', help: 'address to listen on; 127.0.0.1' },
  port: {
    type: 'string',
    value: 'PORT',
    help: 'port to listen on; 7788, or the next free one when not given',
  },
  public: { type: 'boolean', help: 'allow a host that other machines can reach' },
  detect: { type: 'boolean', off: 'do not use provider keys from the environment or a local Ollama' },
  simulator: { type: 'boolean', off: 'do not offer the sim/* models' },
  'first-key': { type: 'boolean', off: 'do not make and print a first API key' },
  'log-level': { type: 'string', value: 'LEVEL', help: 'debug, info, warn, error or silent; info' },
  json: { type: 'boolean', help: 'print one JSON object when ready, no text' },
} as const

interface StartOption {
  readonly type: 'string' | 'boolean'
  /** Of a text: what to put there. */
  readonly value?: string
  readonly help?: string
  /** What `--no-NAME` does, when the option is on by default. */
  readonly off?: string
}

/** Every spelling, without dashes: what a wrong one may have meant. */
export const START_NAMES: readonly string[] = Object.entries(START_OPTIONS).flatMap(([name, { type }]) =>
  type === 'boolean' ? [name, `no-${name}`] : [name],
)

/** `waybill start --help`. */
export const START_HELP = [
  'waybill start: run the gateway (also plain "waybill")',
  '',
  'Options',
  ...Object.entries<StartOption>(START_OPTIONS).map(([name, { value, help, off }]) => {
    const flag = off === undefined ? `--${name}${value === undefined ? '' : ` ${value}`}` : `--no-${name}`
    return `  ${flag.padEnd(18)}${help ?? off}`
  }),
  '  -h, --help        this help',
  '',
  'All settings: docs/reference/configuration.md',
  '',
  'Examples',
  '  waybill start',
  '  waybill start --config waybill.yaml --port 8080',
  '  OPENAI_API_KEY=sk-… waybill start --data /var/lib/waybill --json',
].join('\n')
