import { readFileSync } from 'node:fs'
import { homedir } from 'node:os'
import { dirname, join, resolve } from 'node:path'
import { fileURLToPath } from 'node:url'
import { CommandError, EXIT } from './command.ts'

/** What `waybill start` leaves in its data directory for the other commands. */
interface Runtime {
  readonly url: string
  readonly pid: number
  readonly operator_key: string
}

export interface Client {
  readonly url: string
  /** Calls the API below `/api/v1`; resolves to the parsed body. Throws CommandError with the server's own sentence. */
  call<T>(method: 'GET' | 'POST' | 'PUT' | 'PATCH' | 'DELETE', path: string, body?: unknown): Promise<T>
  /** The same where the answer is text, such as CSV. */
  text(method: 'GET' | 'POST', path: string, body?: unknown): Promise<string>
}

export interface Where {
  readonly url?: string
  readonly data?: string
}

const TIMEOUT_MS = 120_000

/** The directories in which a server may have left its `runtime.json`, likeliest first. */
export function dataDirectories(where: Where, env: NodeJS.ProcessEnv, cwd: string): string[] {
  if (where.data !== undefined) return [resolve(cwd, where.data)]
  if (env['WAYBILL_DATA']) return [resolve(cwd, env['WAYBILL_DATA'])]
  const clone = dirname(dirname(dirname(fileURLToPath(import.meta.url))))
  return [...new Set([join(cwd, 'data'), join(clone, 'data'), join(homedir(), '.waybill')])]
}

/** Finds the server by `--url`, then `--data`, then `WAYBILL_URL`, then the usual data directories. */
export async function connect(where: Where, env: NodeJS.ProcessEnv, cwd: string): Promise<Client> {
  const url = where.url ?? (where.data === undefined ? env['WAYBILL_URL'] : undefined)
  const runtimes = dataDirectories(where, env, cwd).map(readRuntime)
  if (url !== undefined) {
    const known = runtimes.find((runtime) => runtime?.url === trimmed(url))
    return client(trimmed(url), env['WAYBILL_API_KEY'] ?? known?.operator_key ?? null)
  }
  for (const runtime of runtimes) {
    if (runtime === null) continue
    const found = client(runtime.url, runtime.operator_key)
    if (await answers(runtime.url)) return found
  }
  throw new CommandError(
    'No running server found. Start one with: waybill start (or name it with --url or --data)',
    EXIT.unreachable,
  )
}

function readRuntime(directory: string): Runtime | null {
  try {
    return JSON.parse(readFileSync(join(directory, 'runtime.json'), 'utf8')) as Runtime
  } catch {
    return null
  }
}

async function answers(url: string): Promise<boolean> {
  try {
    return (await fetch(`${url}/health`, { signal: AbortSignal.timeout(5_000) })).ok
  } catch {
    return false
  }
}

function client(url: string, key: string | null): Client {
  const text = async (method: string, path: string, body?: unknown): Promise<string> => {
    const response = await send(url, key, method, path, body)
    const answer = await response.text()
    if (response.ok) return answer
    const message = (parse(answer) as { error?: { message?: string } } | null)?.error?.message
    throw new CommandError(message ?? `The server answered ${response.status}.`, exitOf(response.status))
  }
  return {
    url,
    text,
    call: async <T>(method: string, path: string, body?: unknown) =>
      parse(await text(method, path, body)) as T,
  }
}

async function send(
  url: string,
  key: string | null,
  method: string,
  path: string,
  body: unknown,
): Promise<Response> {
  try {
    return await fetch(`${url}/api/v1${path}`, {
      method,
      headers: {
        ...(key === null ? {} : { authorization: `Bearer ${key}` }),
        ...(body === undefined ? {} : { 'content-type': 'application/json' }),
      },
      ...(body === undefined ? {} : { body: JSON.stringify(body) }),
      signal: AbortSignal.timeout(TIMEOUT_MS),
    })
  } catch {
    throw new CommandError(`No server answers at ${url}. Start one with: waybill start`, EXIT.unreachable)
  }
}

function exitOf(status: number): number {
  if (status === 401 || status === 403) return EXIT.auth
  return status === 402 ? EXIT.money : EXIT.failed
}

function parse(text: string): unknown {
  try {
    return JSON.parse(text)
  } catch {
    return null
  }
}

function trimmed(url: string): string {
  return url.replace(/\/+$/, '').replace(/(\/api)?(\/v1)?$/, '')
}
