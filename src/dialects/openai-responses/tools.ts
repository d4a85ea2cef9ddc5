import type { Dropped, ResponseFormat, ToolChoice, ToolDefinition } from '../../chat/index.ts'
import { isObject, type Json, list, object, text } from '../json.ts'
import { cacheOf } from '../openai-chat/messages.ts'
import { flatName } from './names.ts'

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

/** Tools of a request in the hub's words; `hosted` are types that only a Responses API can run. */
export interface DecodedTools {
  readonly tools: readonly ToolDefinition[]
  readonly hosted: readonly string[]
}

/**
 * Functions as they are, those of a namespace under one flat name, tools that take free text as functions with the one
 * argument `input` (a grammar goes into the description, where a model can still follow it).
 */
export function decodeTools(wire: readonly Json[], namespace: string | null = null): DecodedTools {
  const tools: ToolDefinition[] = []
  const hosted: string[] = []
  for (const tool of wire) {
    const name = text(tool['name'])
    const type = text(tool['type']) ?? 'function'
    if (type === 'namespace') {
      const inner = decodeTools(list(tool['tools']).filter(isObject), name)
      tools.push(...inner.tools)
      hosted.push(...inner.hosted)
    } else if (name !== null && type === 'function') tools.push(functionTool(tool, flatName(namespace, name)))
    else if (name !== null && type === 'custom') tools.push(customTool(tool, flatName(namespace, name)))
    else if (!hosted.includes(type)) hosted.push(type)
  }
  return { tools, hosted }
}

function functionTool(tool: Json, name: string): ToolDefinition {
  const cache = cacheOf(tool)
  return {
    name,
    ...(typeof tool['description'] === 'string' && { description: tool['description'] }),
    ...(isObject(tool['parameters']) && { parameters: tool['parameters'] }),
    ...(typeof tool['strict'] === 'boolean' && { strict: tool['strict'] }),
    ...(cache !== undefined && { cache }),
  }
}

function customTool(tool: Json, name: string): ToolDefinition {
  const format = object(tool['format'])
  const grammar = format?.['type'] === 'grammar' ? text(format['definition']) : null
  const words = [
    text(tool['description']),
    grammar && `\`input\` follows this ${format?.['syntax']} grammar:\n${grammar}`,
  ]
  const description = words.filter((word) => word !== null && word !== '').join('\n\n')
  return {
    name,
    ...(description !== '' && { description }),
    parameters: {
      type: 'object',
      properties: { input: { type: 'string', description: 'The whole input of the tool, as plain text.' } },
      required: ['input'],
      additionalProperties: false,
    },
  }
}
