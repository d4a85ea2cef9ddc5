import { readdirSync, readFileSync } from 'node:fs'
import { join } from 'node:path'
import { fileURLToPath } from 'node:url'
import { ROUTES } from '../src/app.ts'
import { INFERENCE_ROUTES } from '../src/http/v1/inference.ts'
import { NOT_SERVED } from '../src/http/v1/not-yet.ts'

/** One operation of the official client, as its published code has it. */
export interface SdkOperation {
  /** As a program calls it: `workspaces.setBudget`. */
  readonly name: string
  readonly method: string
  /** As the client writes it, `/workspaces/{id}`. */
  readonly path: string
  /** There is a route; otherwise the answer is 501. */
  readonly served: boolean
}

const PACKAGE = join(fileURLToPath(import.meta.resolve('@openrouter/sdk')), '..')

/** Version of the installed client. */
export function sdkVersion(): string {
  const text = readFileSync(join(PACKAGE, '..', 'package.json'), 'utf8')
  return (JSON.parse(text) as { version: string }).version
}

/** Every operation of the installed `@openrouter/sdk`, read from its functions, by path and method. */
export function operationsOf(): SdkOperation[] {
  const names = callNames()
  const routes = new Set([
    ...ROUTES.map(([method, path]) => `${method} ${shape(path)}`),
    ...INFERENCE_ROUTES.filter((path) => !Object.hasOwn(NOT_SERVED, path)).map(
      (path) => `POST ${shape(path)}`,
    ),
  ])
  const operations: SdkOperation[] = []
  for (const file of readdirSync(join(PACKAGE, 'funcs')).filter((name) => name.endsWith('.js'))) {
    const text = readFileSync(join(PACKAGE, 'funcs', file), 'utf8')
    const path = /pathToFunc\("([^"]+)"\)/.exec(text)?.[1]
    const method = /method: "([A-Z]+)"/.exec(text)?.[1]
    if (path === undefined || method === undefined) continue
    const func = file.slice(0, -3)
    const name = names.get(func) ?? func
    operations.push({ name, method, path, served: routes.has(`${method} ${shape(path)}`) })
  }
  const key = ({ path, method, name }: SdkOperation) => `${path} ${method} ${name}`
  return operations.sort((a, b) => (key(a) < key(b) ? -1 : 1))
}

/** What each function is called by: property of the client, then method. */
function callNames(): Map<string, string> {
  const client = readFileSync(join(PACKAGE, 'sdk', 'sdk.js'), 'utf8')
  const names = new Map<string, string>()
  for (const [, property, group] of client.matchAll(
    /get (\w+)\(\) \{\s*return \(this\.\w+ \?\?.*?new (\w+)\(/g,
  )) {
    const text = readFileSync(join(PACKAGE, 'sdk', `${group!.toLowerCase()}.js`), 'utf8')
    for (const [, method, func] of text.matchAll(/(\w+)\([^)]*\) \{\s*return unwrap\w+\((\w+)\(/g))
      names.set(func!, `${property}.${method}`)
  }
  return names
}

/** A path without the names of its parameters. */
function shape(path: string): string {
  return path.replaceAll(/:[a-z]+|\{\w+\}/gi, '*')
}
