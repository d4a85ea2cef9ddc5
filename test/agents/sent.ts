import type { Loose } from './formats/format.ts'
import type { Exchange } from './tap.ts'

/** What an agent sends to the gateway, gathered over its runs. */
export interface Sent {
  /** Method and path, models as `{model}`. */
  readonly endpoints: readonly string[]
  /** Headers that are not those of every HTTP client. */
  readonly headers: readonly string[]
  readonly betas: readonly string[]
  /** Fields of the body at its top, with those of their values that say something without the prompt. */
  readonly fields: ReadonlyMap<string, readonly string[]>
  /** Types of tools, with the most of them in one request. */
  readonly tools: ReadonlyMap<string, number>
}

const COMMON = /^(host|connection|content-.*|accept.*|user-agent|sec-.*|x-stainless-.*|transfer-encoding)$/
/** Fields whose values are settings and hold nothing of the prompt, the machine or the session. */
const SETTINGS =
  'stream store include thinking reasoning output_config context_management max_tokens stream_options tool_choice parallel_tool_calls text generationConfig'.split(
    ' ',
  )

/** `models`: ids that stand in paths. */
export function sentIn(exchanges: readonly Exchange[], models: readonly string[]): Sent {
  const endpoints = new Set<string>()
  const headers = new Set<string>()
  const betas = new Set<string>()
  const fields = new Map<string, Set<string>>()
  const tools = new Map<string, number>()
  for (const { method, path, headers: own, body } of exchanges) {
    endpoints.add(`${method} ${models.reduce((text, model) => text.replace(model, '{model}'), path)}`)
    for (const name of Object.keys(own)) if (!COMMON.test(name)) headers.add(name)
    for (const beta of String(own['anthropic-beta'] ?? '').split(',')) if (beta !== '') betas.add(beta)
    if (!body.startsWith('{')) continue
    const wire: Loose = JSON.parse(body)
    for (const [field, value] of Object.entries(wire)) {
      const values = fields.get(field) ?? new Set()
      fields.set(field, values)
      if (SETTINGS.includes(field)) values.add(JSON.stringify(value))
    }
    for (const [type, count] of toolTypes(wire.tools ?? []))
      tools.set(type, Math.max(count, tools.get(type) ?? 0))
  }
  return {
    endpoints: [...endpoints].sort(),
    headers: [...headers].sort(),
    betas: [...betas],
    fields: new Map([...fields].sort().map(([name, values]) => [name, [...values].sort()])),
    tools,
  }
}

function toolTypes(tools: readonly Loose[]): Map<string, number> {
  const counts = new Map<string, number>()
  const types = tools.flatMap((tool) =>
    tool.functionDeclarations
      ? tool.functionDeclarations.map(() => 'functionDeclarations')
      : [tool.type ?? 'without a type'],
  )
  for (const type of types) counts.set(type, (counts.get(type) ?? 0) + 1)
  return counts
}
