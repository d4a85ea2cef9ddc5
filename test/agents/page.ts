import type { Sent } from './sent.ts'

/** How one run ended, as the page tells it. */
export interface Line {
  readonly over: string
  readonly model: string
  readonly faults: readonly string[]
  readonly calls: number
  /** Reasoning of the turns before came back to the provider. */
  readonly returned: boolean
  /** Parameters that the provider's format could not take. */
  readonly dropped: readonly string[]
}

/** How it went to have tokens counted. */
export interface Counted {
  readonly over: string
  readonly faults: readonly string[]
  readonly calls: number
  readonly estimated: boolean
}

/** How an agent took a refusal. */
export interface Refused {
  readonly what: string
  readonly faults: readonly string[]
  readonly status: number
  readonly calls: number
  readonly code: number | string
  /** The gateway's sentence stood in what the agent printed. */
  readonly told: boolean
}

export interface Report {
  readonly name: string
  readonly package: string
  readonly version: string
  /** Why it could not be tried; undefined when it was. */
  readonly missing?: string
  readonly lines: readonly Line[]
  readonly counted: readonly Counted[]
  readonly refused: readonly Refused[]
  readonly sent?: Sent
}

const code = (text: string) => `\`${text.replaceAll('|', '\\|')}\``
const codes = (texts: readonly string[]) => texts.map(code).join(', ') || '–'
const outcome = (faults: readonly string[]) => (faults.length === 0 ? 'passed' : `**failed**: ${faults[0]}`)
const row = (...cells: readonly (string | number)[]) => `| ${cells.join(' | ')} |`
const table = (head: readonly string[], rows: readonly string[]) => [
  row(...head),
  row(...head.map(() => '---')),
  ...rows,
  '',
]

/** The page of the last run; `commit` is the short hash of the gateway's. */
export function renderPage(reports: readonly Report[], commit: string, platform: string): string {
  return [
    '# Coding agents',
    '',
    `Written by \`npm run test:agents\`; do not edit. Commit ${commit}, ${platform}.`,
    '',
    'Each agent comes from npm, is set up as [the guide](../guide/agents.md) says and works without a terminal over a running',
    'gateway: it reads two files at once, writes what it found to a third and tells it. The model is a script that stands',
    'behind each provider and refuses what that provider would: unknown fields, calls without results, reasoning that does',
    'not come back, seals that are not its own. A run passes when the agent ends with 0, the file and the last words are',
    'right, every call was answered as a stream with 200 and nothing was logged as a warning, each call has its row with the',
    "provider's counts at the listed price, the key has paid their sum, and the ledger verifies.",
    '',
    ...table(
      ['agent', 'package', 'version', 'result'],
      reports.map((it) => row(it.name, code(it.package), it.version, resultOf(it))),
    ),
    '## Tools and an answer',
    '',
    '*calls*: requests to a model, titles included. *reasoning*: whether the reasoning of earlier turns came back to the',
    'provider. *not carried*: what the format of the provider has no place for, as the waybill names it.',
    '',
    ...table(
      ['agent', 'provider', 'model', 'outcome', 'calls', 'reasoning', 'not carried'],
      reports.flatMap(({ name, lines }) =>
        lines.map(({ over, model, faults, calls, returned, dropped }) =>
          row(name, over, code(model), outcome(faults), calls, returned ? 'back' : '–', codes(dropped)),
        ),
      ),
    ),
    '## Counting tokens',
    '',
    'Where the agent asks for counts of its own accord; none is charged.',
    '',
    ...table(
      ['agent', 'provider', 'outcome', 'calls', 'counts'],
      reports.flatMap(({ name, counted }) =>
        counted.map(({ over, faults, calls, estimated }) =>
          row(name, over, outcome(faults), calls, estimated ? 'estimated and marked' : "the provider's"),
        ),
      ),
    ),
    '## Refusals',
    '',
    'opencode tries again for a minute and a half where digits such as 429 or 500 stand anywhere in a refusal, in an id or an',
    'amount for instance; its number of calls changes with them.',
    '',
    ...table(
      ['agent', 'refusal', 'outcome', 'status', 'calls', 'exit code', "our sentence in the agent's output"],
      reports.flatMap(({ name, refused }) =>
        refused.map(({ what, faults, status, calls, code: exit, told }) =>
          row(name, what, outcome(faults), status, calls, exit, told ? 'yes' : 'no'),
        ),
      ),
    ),
    ...reports.flatMap(({ name, sent }) => (sent === undefined ? [] : sentSection(name, sent))),
  ].join('\n')
}

function resultOf({ missing, lines, counted, refused }: Report): string {
  if (missing !== undefined) return `left out: ${missing}`
  const runs = [...lines, ...counted, ...refused]
  return `${runs.filter(({ faults }) => faults.length === 0).length} of ${runs.length} passed`
}

function sentSection(name: string, { endpoints, headers, betas, fields, tools }: Sent): string[] {
  return [
    `## What ${name} sends`,
    '',
    `- To: ${codes(endpoints)}`,
    `- Headers: ${codes(headers)}`,
    ...(betas.length === 0 ? [] : [`- \`anthropic-beta\`: ${codes(betas)}`]),
    `- Tools in one request, the most by type: ${[...tools].map(([type, most]) => `${type} ${most}`).join(', ')}`,
    '',
    ...table(
      ['field', 'values'],
      [...fields].map(([field, values]) => row(code(field), values.map(code).join(' '))),
    ),
  ]
}
