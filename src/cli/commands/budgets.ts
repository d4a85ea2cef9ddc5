import { type Command, CommandError, EXIT } from '../command.ts'
import { table } from '../table.ts'

interface BudgetObject {
  id: string
  scope: string
  scope_id: string
  limit_usd: number
  reset_interval: string | null
  spent_usd: number | null
  held_usd: number | null
  remaining_usd: number | null
  resets_at: string | null
}

const SCOPES = ['organization', 'workspace', 'member', 'user']
const RESETS = ['daily', 'weekly', 'monthly']

export const budgetsList: Command = {
  name: 'budgets',
  summary: 'list the budgets and what they have left',
  args: '[list]',
  options: {},
  help: {},
  examples: ['waybill budgets', 'waybill budgets --json'],
  async run({ args, json, client, out }) {
    if (args.length > 0 && args[0] !== 'list')
      throw new CommandError(`"budgets ${args[0]}" is not a command. Try: waybill budgets --help`, EXIT.usage)
    const { data } = await (await client()).call<{ data: BudgetObject[] }>('GET', '/budgets')
    if (json) out(JSON.stringify({ data }))
    else for (const line of budgetTable(data)) out(line)
    return EXIT.ok
  },
}

export const budgetsSet: Command = {
  name: 'budgets set',
  summary: 'cap what an organization, a workspace, a member or an end user may spend',
  args: 'SCOPE [ID]',
  options: { limit: { type: 'string' }, reset: { type: 'string' } },
  help: {
    limit: 'USD, e.g. 500 or 0.50',
    reset: 'start anew daily, weekly or monthly (UTC); never when left out',
  },
  examples: [
    'waybill budgets set organization --limit 500 --reset monthly',
    'waybill budgets set user --limit 1 --reset daily',
    'waybill budgets set member user-7 --limit 50 --reset weekly --json',
  ],
  async run({ args, flags, json, client, out }) {
    const [scope, id] = args
    if (scope === undefined || !SCOPES.includes(scope))
      throw new CommandError(`What does the budget cap? One of ${SCOPES.join(', ')}.`, EXIT.usage)
    if (flags['limit'] === undefined)
      throw new CommandError('A budget needs a limit: waybill budgets set SCOPE --limit USD', EXIT.usage)
    if (flags['reset'] !== undefined && !RESETS.includes(String(flags['reset'])))
      throw new CommandError(`--reset must be one of ${RESETS.join(', ')}.`, EXIT.usage)
    const { data } = await (await client()).call<{ data: BudgetObject }>('PUT', '/budgets', {
      scope,
      ...(id !== undefined && { scope_id: id }),
      limit_usd: String(flags['limit']),
      ...(flags['reset'] !== undefined && { reset_interval: flags['reset'] }),
    })
    if (json) out(JSON.stringify(data))
    else for (const line of budgetTable([data])) out(line)
    return EXIT.ok
  },
}

export const budgetsRemove: Command = {
  name: 'budgets remove',
  summary: 'end a budget',
  args: 'ID',
  options: {},
  help: {},
  examples: ['waybill budgets remove 3f9a1c', 'waybill budgets remove 3f9a1c --json'],
  async run({ args, json, client, out }) {
    const [wanted] = args
    if (wanted === undefined) throw new CommandError('Which budget? Give its id.', EXIT.usage)
    const server = await client()
    const { data } = await server.call<{ data: BudgetObject[] }>('GET', '/budgets')
    const found = data.filter(({ id }) => id.startsWith(wanted))
    if (found.length !== 1)
      throw new CommandError(
        found.length === 0
          ? `No budget "${wanted}". List them with: waybill budgets`
          : `"${wanted}" means ${found.length} budgets. Give more of the id.`,
      )
    const { id } = found[0]!
    await server.call('DELETE', `/budgets/${id}`)
    out(json ? JSON.stringify({ id, deleted: true }) : `removed ${id}`)
    return EXIT.ok
  },
}

function budgetTable(budgets: readonly BudgetObject[]): string[] {
  return table(
    ['ID', 'SCOPE', 'OF', 'LIMIT', 'RESET', 'SPENT', 'LEFT'],
    budgets.map((budget) => [
      budget.id.slice(0, 8),
      budget.scope,
      budget.scope_id === '*' ? 'each' : budget.scope_id,
      `$${budget.limit_usd}`,
      budget.reset_interval ?? '',
      budget.spent_usd === null ? '' : `$${budget.spent_usd}`,
      budget.remaining_usd === null ? '' : `$${budget.remaining_usd}`,
    ]),
  )
}
