import { isAbsolute } from 'node:path'
import { z } from 'zod'
import { GatewayError } from '../../chat/index.ts'
import type { Gateway, RouteContext } from '../gateway.ts'
import { readBody } from '../validate.ts'

const File = z.strictObject({ file: z.string().min(1).max(4096) })

/** `POST /admin/backup {file}`: copies the database while running. Secrets are not in it. */
export async function backup(gateway: Gateway, c: RouteContext): Promise<Response> {
  const file = await fileOf(gateway, c)
  try {
    await gateway.store.backup(file)
  } catch (error) {
    throw new GatewayError('invalid_request', `The backup failed: ${(error as Error).message}`)
  }
  return c.json({ data: { file } }, 201)
}

/** `POST /admin/restore {file}`: checks the backup and its ledger, waits for running requests, then takes its place. */
export async function restore(gateway: Gateway, c: RouteContext): Promise<Response> {
  const file = await fileOf(gateway, c)
  await gateway.restore(file)
  return c.json({ data: { file, restored: true } })
}

async function fileOf(gateway: Gateway, c: RouteContext): Promise<string> {
  const { file } = await readBody(gateway, c, File)
  if (!isAbsolute(file))
    throw new GatewayError('invalid_request', '"file" must be an absolute path on the server.')
  return file
}
