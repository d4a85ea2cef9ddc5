import { readdirSync, readFileSync } from 'node:fs'
import { join } from 'node:path'
import { fileURLToPath } from 'node:url'
import { ROUTES } from '../../src/app.ts'
import { INFERENCE_ROUTES } from '../../src/http/v1/inference.ts'
import { NOT_SERVED } from '../../src/http/v1/not-yet.ts'

/** One operation of the official client, as its published code has it. */
export interface SdkOperation {
  /** File of the function, which names it: `workspacesSetBudget`. */
  readonly name: string
  readonly method: string
  /** As the client writes it, `/workspaces/{id}`. */
  readonly path: string
  /** There is a route; otherwise the answer is 501. */
  readonly served: boolean
}

/** Every operation of the installed `@openrouter/sdk`, read from its functions, by path. */
export function operationsOf(): SdkOperation[] {
  const folder = join(fileURLToPath(import.meta.resolve('@openrouter/sdk')), '..', 'funcs')
  const routes = new Set([
    ...ROUTES.map(([method, path]) => `${method} ${shape(path)}`),
    ...INFERENCE_ROUTES.filter((path) => !Object.hasOwn(NOT_SERVED, path)).map(
      (path) => `POST ${shape(path)}`,
    ),
  ])
  const operations: SdkOperation[] = []
  for (const file of readdirSync(folder).filter((name) => name.endsWith('.js'))) {
    const text = readFileSync(join(folder, file), 'utf8')
    const path = /pathToFunc\("([^"]+)"\)/.exec(text)?.[1]
    const method = /method: "([A-Z]+)"/.exec(text)?.[1]
    if (path === undefined || method === undefined) continue
    const served = routes.has(`${method} ${shape(path)}`)
    operations.push({ name: file.slice(0, -3), method, path, served })
  }
  return operations.sort((a, b) => (a.path + a.method < b.path + b.method ? -1 : 1))
}

/** A path without the names of its parameters. */
function shape(path: string): string {
  return path.replaceAll(/:[a-z]+|\{\w+\}/gi, '*')
}
