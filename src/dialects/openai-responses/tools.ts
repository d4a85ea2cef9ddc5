import type { Dropped, ResponseFormat, ToolChoice, ToolDefinition } from '../../chat/index.ts'
import type { Json } from '../json.ts'

const NO_ARGUMENTS = { type: 'object', properties: {} }

/** Hub tools on the wire. Here a function is strict unless it says otherwise, so it always says. */
export function encodeTools(tools: readonly ToolDefinition[], dropped: Dropped[]): Json[] {
  if (tools.some(({ cache }) => cache !== undefined)) {
    dropped.push({ parameter: 'cache_control', reason: 'the provider caches by itself' })
  }
  return tools.map(({ name, description, parameters, strict }) => ({
    type: 'function',
    name,
    ...(description !== undefined && { description }),
    parameters: parameters ?? NO_ARGUMENTS,
    strict: strict ?? false,
  }))
}

export function encodeChoice(choice: ToolChoice): unknown {
  return choice.kind === 'tool' ? { type: 'function', name: choice.name } : choice.kind
}

export function encodeFormat(format: ResponseFormat): Json {
  if (format.kind === 'json') return { type: 'json_object' }
  const { kind: _kind, name = 'response', schema, strict, description } = format
  return {
    type: 'json_schema',
    name,
    ...(description !== undefined && { description }),
    schema,
    ...(strict !== undefined && { strict }),
  }
}
