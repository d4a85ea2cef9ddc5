import { readFileSync } from 'node:fs'
import type { Client } from '../client.ts'
import { type Command, type CommandContext, CommandError, EXIT, wholeNumber } from '../command.ts'
import { type Candidate, candidateLines, dollars } from '../receipt.ts'

interface Explained {
  readonly requested: readonly string[]
  readonly resolved: readonly string[]
  readonly routes: readonly { readonly via: string; readonly because: string | null }[]
  readonly stand_ins: readonly string[]
  readonly hold_usd: string | null
  readonly strategy: string
  readonly max_attempts: number
  readonly retry_after: number | null
  readonly error: { readonly message: string } | null
  readonly candidates: readonly Candidate[]
}

export const routeExplain: Command = {
  name: 'route explain',
  summary: 'where would this request go, and why; nothing is sent',
  args: '[MODEL]',
  options: {
    model: { type: 'string', short: 'm' },
    tools: { type: 'boolean' },
    context: { type: 'string' },
    'max-tokens': { type: 'string' },
    parameters: { type: 'string' },
    input: { type: 'string' },
    output: { type: 'string' },
    tier: { type: 'string' },
    order: { type: 'string' },
    only: { type: 'string' },
    ignore: { type: 'string' },
    sort: { type: 'string' },
    key: { type: 'string' },
    request: { type: 'string' },
    surface: { type: 'string' },
  },
  help: {
    model: 'the model, e.g. openai/gpt-5.1; several separated by commas are fallbacks',
    tools: 'the request uses tools',
    context: 'tokens of the prompt, 1000 when left out',
    'max-tokens': 'tokens of the answer asked for',
    parameters: 'other parameters that it sets, separated by commas, e.g. response_format,seed',
    input: 'kinds of input besides text, separated by commas: image, file, audio, video',
    output: 'kinds of output instead of text, separated by commas, e.g. embeddings',
    tier: 'service_tier: flex or priority',
    order: 'provider.order, separated by commas',
    only: 'provider.only, separated by commas',
    ignore: 'provider.ignore, separated by commas',
    sort: 'provider.sort: price, throughput, latency or exacto',
    key: 'plan as for this API key, by name or hash',
    request: 'a file with the body of a request, planned as it stands; other options do not count then',
    surface: 'whose body that is: chat, messages, responses, completions, gemini or embeddings',
  },
  examples: [
    'waybill route explain meta-llama/llama-3.3-70b-instruct',
    'waybill route explain -m openai/gpt-5.1 --tools --context 200000 --sort price --json',
    'waybill route explain --request body.json --surface messages',
  ],
  async run(context) {
    const { flags, json, out } = context
    const [path, body] = flags['request'] === undefined ? ['/route/explain', kind(context)] : written(context)
    const client: Client = await context.client()
    const { data } = await client.call<{ data: Explained }>('POST', path, body)
    if (json) out(JSON.stringify(data))
    else for (const line of explanation(data)) out(line)
    return EXIT.ok
  },
}

/** The body that stands in a file, and where it is explained. */
function written({ flags, path }: CommandContext): [path: string, body: unknown] {
  const file = path(String(flags['request']))
  const surface =
    flags['surface'] === undefined ? '' : `?surface=${encodeURIComponent(String(flags['surface']))}`
  let text: string
  try {
    text = readFileSync(file, 'utf8')
  } catch {
    throw new CommandError(`${file} cannot be read.`, EXIT.usage)
  }
  try {
    return [`/route/explain${surface}`, JSON.parse(text)]
  } catch {
    throw new CommandError(`${file} is not JSON.`, EXIT.usage)
  }
}

/** A kind of request from the options. */
function kind({ args, flags }: CommandContext): Record<string, unknown> {
  const model = flags['model'] ?? args[0]
  if (typeof model !== 'string')
    throw new CommandError('Which model? waybill route explain -m MODEL', EXIT.usage)
  return {
    models: list(model),
    prompt_tokens: wholeNumber(flags, 'context') ?? 1000,
    parameters: [...(flags['tools'] === true ? ['tools'] : []), ...list(flags['parameters'])],
    input_modalities: ['text', ...list(flags['input'])],
    ...(flags['output'] !== undefined && { output_modalities: list(flags['output']) }),
    ...(flags['max-tokens'] !== undefined && { max_tokens: wholeNumber(flags, 'max-tokens') }),
    ...(flags['tier'] !== undefined && { service_tier: flags['tier'] }),
    ...(flags['key'] !== undefined && { key: flags['key'] }),
    provider: {
      ...(flags['order'] !== undefined && { order: list(flags['order']) }),
      ...(flags['only'] !== undefined && { only: list(flags['only']) }),
      ...(flags['ignore'] !== undefined && { ignore: list(flags['ignore']) }),
      ...(flags['sort'] !== undefined && { sort: flags['sort'] }),
    },
  }
}

function explanation(told: Explained): string[] {
  const lines = [`${told.requested.join(' → ')}   ${told.strategy}, up to ${told.max_attempts} attempts`]
  const led = told.resolved.join(' → ')
  const because = told.routes.find((route) => route.because !== null)?.because ?? null
  if (told.routes.some(({ via }) => via !== 'direct'))
    lines.push(`that is ${led}${because === null ? '' : ` (${because})`}`)
  if (told.stand_ins.length > 0) lines.push(`stand-ins: ${told.stand_ins.join(', ')}`)
  if (told.retry_after !== null)
    lines.push(`every endpoint is cooling down; the first is ready in ${told.retry_after} s`)
  if (told.candidates.length > 0) lines.push('', ...candidateLines(told.candidates))
  if (told.hold_usd !== null) lines.push('', `would hold ${dollars(told.hold_usd)}`)
  if (told.error !== null) lines.push('', told.error.message)
  return lines
}

function list(value: string | boolean | undefined): string[] {
  if (typeof value !== 'string') return []
  return value
    .split(',')
    .map((part) => part.trim())
    .filter((part) => part !== '')
}
