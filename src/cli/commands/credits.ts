import { type Command, CommandError, EXIT } from '../command.ts'

interface Balance {
  organization_id: string
  credits: string
  available_usd: string
  posted_usd: string
  held_usd: string
  credited_usd: string
  used_usd: string
}

export const creditsShow: Command = {
  name: 'credits',
  summary: 'show the balance',
  args: '[show]',
  options: {},
  help: {},
  examples: ['waybill credits', 'waybill credits --json'],
  async run({ args, json, client, out }) {
    if (args.length > 0 && args[0] !== 'show')
      throw new CommandError(`"credits ${args[0]}" is not a command. Try: waybill credits --help`, EXIT.usage)
    const { data } = await (await client()).call<{ data: Balance }>('GET', '/admin/credits')
    if (json) out(JSON.stringify(data))
    else for (const line of lines(data)) out(line)
    return EXIT.ok
  },
}

export const creditsAdd: Command = {
  name: 'credits add',
  summary: 'add credit by hand',
  args: 'USD',
  options: { reference: { type: 'string' }, memo: { type: 'string' } },
  help: {
    reference: 'credit this reference once, however often the command runs',
    memo: 'a note for the ledger',
  },
  examples: ['waybill credits add 25', 'waybill credits add 100 --reference invoice-7 --json'],
  async run({ args, flags, json, client, out }) {
    const [amount] = args
    if (amount === undefined) throw new CommandError('How much? waybill credits add USD', EXIT.usage)
    const { data } = await (await client()).call<{ data: Balance }>('POST', '/admin/credits', {
      amount_usd: amount,
      ...(flags['reference'] !== undefined && { reference: flags['reference'] }),
      ...(flags['memo'] !== undefined && { memo: flags['memo'] }),
    })
    if (json) out(JSON.stringify(data))
    else for (const line of lines(data)) out(line)
    return EXIT.ok
  },
}

function lines(balance: Balance): string[] {
  const mode =
    balance.credits === 'prepaid'
      ? 'prepaid: requests stop when the balance is used up'
      : 'unlimited: requests are counted, not stopped by the balance'
  return [
    `available  $${balance.available_usd}`,
    `held       $${balance.held_usd}`,
    `added      $${balance.credited_usd}`,
    `used       $${balance.used_usd}`,
    `mode       ${mode}`,
  ]
}
