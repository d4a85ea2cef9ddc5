import { type Command, EXIT, wholeNumber } from '../command.ts'
import { table } from '../table.ts'

interface Model {
  id: string
  name: string
  context_length: number
  pricing: Record<string, unknown>
  supported_parameters: string[]
  architecture: { input_modalities: string[] }
}

export const models: Command = {
  name: 'models',
  summary: 'find models by name, price and ability',
  args: '[QUERY]',
  options: {
    tools: { type: 'boolean' },
    vision: { type: 'boolean' },
    free: { type: 'boolean' },
    context: { type: 'string' },
    'max-price': { type: 'string' },
    'max-price-out': { type: 'string' },
    sort: { type: 'string' },
    limit: { type: 'string' },
  },
  help: {
    tools: 'only models that call tools',
    vision: 'only models that take images',
    free: 'only models at $0',
    context: 'at least this many tokens of context',
    'max-price': 'at most this many USD per million input tokens',
    'max-price-out': 'at most this many USD per million output tokens',
    sort: 'newest, price, context (the API takes more: GET /api/v1/models)',
    limit: 'rows to show, 50 when left out',
  },
  examples: ['waybill models sonnet', 'waybill models --tools --max-price-out 1 --sort price --json'],
  async run({ args, flags, json, client, out, say }) {
    const query = new URLSearchParams()
    if (args[0] !== undefined) query.set('q', args[0])
    if (flags['tools'] === true) query.set('supported_parameters', 'tools')
    if (flags['vision'] === true) query.set('input_modalities', 'image')
    if (flags['free'] === true) query.set('max_price', '0')
    if (flags['context'] !== undefined) query.set('context', String(wholeNumber(flags, 'context')))
    if (flags['max-price'] !== undefined) query.set('max_price', String(flags['max-price']))
    if (flags['max-price-out'] !== undefined) query.set('max_output_price', String(flags['max-price-out']))
    if (flags['sort'] !== undefined) query.set('sort', SORTS[String(flags['sort'])] ?? String(flags['sort']))
    query.set('limit', String(wholeNumber(flags, 'limit') ?? (json ? 1000 : 50)))
    const list = await (await client()).call<{ data: Model[]; total_count: number }>(
      'GET',
      `/models?${query}`,
    )
    if (json) {
      out(JSON.stringify(list))
      return EXIT.ok
    }
    for (const line of modelTable(list.data)) out(line)
    if (list.total_count > list.data.length)
      say(`${list.data.length} of ${list.total_count}; more with --limit`)
    return EXIT.ok
  },
}

const SORTS: Readonly<Record<string, string>> = {
  price: 'pricing-low-to-high',
  context: 'context-high-to-low',
  newest: 'newest',
}

function modelTable(list: readonly Model[]): string[] {
  return table(
    ['MODEL', 'CONTEXT', 'IN $/M', 'OUT $/M', 'TOOLS', 'INPUT'],
    list.map((model) => [
      model.id,
      model.context_length.toLocaleString('en-US'),
      perMillion(model.pricing['prompt']),
      perMillion(model.pricing['completion']),
      model.supported_parameters.includes('tools') ? 'yes' : '',
      model.architecture.input_modalities.join(','),
    ]),
  )
}

/** USD per token, a decimal string, as USD per million for people; `?` when the price is unknown. */
function perMillion(perToken: unknown): string {
  const value = Number(perToken)
  if (perToken === undefined || !Number.isFinite(value) || value < 0) return '?'
  return String(Number((value * 1_000_000).toPrecision(6)))
}
