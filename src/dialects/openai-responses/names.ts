import { type Json, list, object, parseJson, text } from '../json.ts'

/** What a tool is on this wire, when the hub knows it as a plain function. */
export type ToolOrigin =
  /** A function of a namespace: called by namespace and name. */
  | { readonly kind: 'namespace'; readonly namespace: string; readonly name: string }
  /** A tool that takes free text; the hub sees a function with the one argument `input`. */
  | { readonly kind: 'custom'; readonly name: string }

/** One name for a function of a namespace, as other formats have no such level: `mcp__docs` + `find` → `mcp__docs__find`. */
export function flatName(namespace: string | null, name: string): string {
  if (namespace === null) return name
  return namespace.endsWith('__') ? namespace + name : `${namespace}__${name}`
}

/** Tools of a request body that other formats know by another name or shape, by their name in the hub. */
export function toolOrigins(tools: unknown): ReadonlyMap<string, ToolOrigin> {
  const origins = new Map<string, ToolOrigin>()
  const add = (tool: Json, namespace: string | null): void => {
    const name = text(tool['name'])
    if (name === null) return
    if (tool['type'] === 'namespace') {
      for (const inner of list(tool['tools'])) add(object(inner) ?? {}, name)
    } else if (tool['type'] === 'custom') origins.set(flatName(namespace, name), { kind: 'custom', name })
    else if (namespace !== null)
      origins.set(flatName(namespace, name), { kind: 'namespace', namespace, name })
  }
  for (const tool of list(tools)) add(object(tool) ?? {}, null)
  return origins
}

/** Free text as the arguments of the function that stands for a custom tool, and back. */
export const inputAsArgs = (input: unknown): string =>
  JSON.stringify({ input: typeof input === 'string' ? input : JSON.stringify(input ?? '') })

export function argsAsInput(args: string): string {
  const input = object(parseJson(args))?.['input']
  return typeof input === 'string' ? input : args
}
