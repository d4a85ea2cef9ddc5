import { resolve } from 'node:path'
import { type Command, CommandError, EXIT } from '../command.ts'

export const backup: Command = {
  name: 'backup',
  summary: 'copy the database to a file while the server runs; secrets stay out',
  args: 'FILE',
  options: {},
  help: {},
  examples: ['waybill backup /var/backups/waybill.db', 'waybill backup today.db --json'],
  async run({ args, json, client, out }) {
    const file = fileOf(args)
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
  async run({ args, flags, json, client, out, offline }) {
    const file = fileOf(args)
    const stopped = await offline(flags['data'])
    if (stopped !== null) await stopped.restore(file)
    else await (await client()).call('POST', '/admin/restore', { file })
    out(json ? JSON.stringify({ file, restored: true }) : `restored from ${file}`)
    return EXIT.ok
  },
}

function fileOf(args: readonly string[]): string {
  const [file] = args
  if (file === undefined) throw new CommandError('Which file?', EXIT.usage)
  return resolve(file)
}
