import { type Command, type CommandContext, CommandError, EXIT } from '../command.ts'

export const backup: Command = {
  name: 'backup',
  summary: 'copy the database to a file while the server runs',
  args: 'FILE',
  options: {},
  help: {},
  examples: ['waybill backup /var/backups/waybill.db', 'waybill backup today.db --json'],
  async run(context) {
    const { json, client, out } = context
    const file = fileOf(context)
    await (await client()).call('POST', '/admin/backup', { file })
    out(json ? JSON.stringify({ file }) : `backed up to ${file}`)
    return EXIT.ok
  },
}

export const restore: Command = {
  name: 'restore',
  summary: 'put a backup in the place of the database; its ledger is verified first',
  args: 'FILE',
  options: {},
  help: {},
  examples: ['waybill restore /var/backups/waybill.db', 'waybill restore today.db --data ./data --json'],
  async run(context) {
    const { flags, json, client, out, offline } = context
    const file = fileOf(context)
    const stopped = await offline(flags['data'])
    if (stopped !== null) await stopped.restore(file)
    else await (await client()).call('POST', '/admin/restore', { file })
    out(json ? JSON.stringify({ file, restored: true }) : `restored from ${file}`)
    return EXIT.ok
  },
}

function fileOf({ args: [file], path }: CommandContext): string {
  if (file === undefined) throw new CommandError('Which file?', EXIT.usage)
  return path(file)
}
