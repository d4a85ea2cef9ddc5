import { type Command, CommandError, EXIT, wholeNumber } from '../command.ts'

interface Explained {
  readonly lines: readonly string[]
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
    order: { type: 'string' },
    only: { type: 'string' },
    ignore: { type: 'string' },
    sort: { type: 'string' },
  },
  help: {
    model: 'the model, e.g. openai/gpt-5.1; several separated by commas are fallbacks',
    tools: 'the request uses tools',
    context: 'tokens of the prompt, 1000 when left out',
    'max-tokens': 'tokens of the answer asked for',
    order: 'provider.order, separated by commas',
    only: 'provider.only, separated by commas',
    ignore: 'provider.ignore, separated by commas',
    sort: 'provider.sort: price, throughput or latency',
  },
  examples: [
    'waybill route explain -m meta-llama/llama-3.3-70b-instruct',
    'waybill route explain -m openai/gpt-5.1 --tools --context 200000 --sort price --json',
  ],
  async run({ args, flags, json, client, out }) {
    const model = flags['model'] ?? args[0]
    if (typeof model !== 'string')
      throw new CommandError('Which model? waybill route explain -m MODEL', EXIT.usage)
    const { data } = await (await client()).call<{ data: Explained }>('POST', '/admin/route/explain', {
      models: list(model),
      prompt_tokens: wholeNumber(flags, 'context') ?? 1000,
      ...(flags['max-tokens'] !== undefined && { max_tokens: wholeNumber(flags, 'max-tokens') }),
      ...(flags['tools'] === true && { parameters: ['tools'] }),
      provider: {
        ...(flags['order'] !== undefined && { order: list(flags['order']) }),
        ...(flags['only'] !== undefined && { only: list(flags['only']) }),
        ...(flags['ignore'] !== undefined && { ignore: list(flags['ignore']) }),
        ...(flags['sort'] !== undefined && { sort: flags['sort'] }),
      },
    })
    if (json) out(JSON.stringify(data))
    else for (const line of data.lines) out(line)
    return EXIT.ok
  },
}

function list(value: string | boolean | undefined): string[] {
  return String(value)
    .split(',')
    .map((part) => part.trim())
    .filter((part) => part !== '')
}
