import type { ChatParameters, ToolDefinition } from '../../chat/index.ts'
import type { Drops } from '../anthropic-messages/drops.ts'
import { restrictSchema } from '../anthropic-messages/schema.ts'
import { type Json, object } from '../json.ts'
import { cachePoint } from './conversation.ts'
import type { Traits } from './models.ts'
import { ANSWER_TOOL } from './wire.ts'

const schemaOf = (parameters: unknown): Json => ({ type: 'object', ...object(parameters) })

/**
 * `toolConfig`, or null. A conversation that holds calls is refused without it, so tools that it names are declared even
 * when the request itself has none (any more).
 */
export function encodeToolConfig(
  tools: readonly ToolDefinition[],
  { toolChoice, parallelToolCalls }: ChatParameters,
  traits: Traits,
  called: readonly string[],
  drops: Drops,
): Json | null {
  const none = toolChoice?.kind === 'none'
  if (none && called.length === 0) return null
  const specs: Json[] = []
  for (const tool of tools) {
    specs.push(encodeTool(tool, traits, drops))
    if (tool.cache === undefined) continue
    const point = traits.caches?.tools === true ? cachePoint(tool.cache, traits) : null
    if (point === null) drops.add('cache_control', 'the model has no cache points among tools')
    else specs.push(point)
  }
  if (tools.length === 0) {
    for (const name of called) specs.push({ toolSpec: { name, inputSchema: { json: schemaOf(null) } } })
  }
  if (specs.length === 0) return null
  const config: Json = { tools: specs }
  if (none)
    drops.add('tool_choice', 'the Converse API cannot forbid tools that the conversation holds calls of')
  else if (tools.length > 0) addChoice(config, toolChoice, traits, drops)
  if (parallelToolCalls === false) {
    drops.add('parallel_tool_calls', 'the Converse API has no switch for parallel calls')
  }
  return config
}

function addChoice(config: Json, choice: ChatParameters['toolChoice'], traits: Traits, drops: Drops): void {
  if (choice === undefined || choice.kind === 'none') return
  if (choice.kind === 'auto') config['toolChoice'] = { auto: {} }
  else if (!traits.forcedTools) drops.add('tool_choice', 'the model cannot be made to call a tool')
  else config['toolChoice'] = choice.kind === 'tool' ? { tool: { name: choice.name } } : { any: {} }
}

function encodeTool(
  { name, description, parameters, strict }: ToolDefinition,
  traits: Traits,
  drops: Drops,
): Json {
  const restricted = strict === true && traits.schemas === true
  if (strict === true && !restricted) {
    drops.add('tools', 'the model does not hold tools strictly to their schema')
  }
  const schema = schemaOf(parameters)
  return {
    toolSpec: {
      name,
      // An empty description is refused.
      ...(description?.trim() && { description }),
      inputSchema: { json: restricted ? restrictSchema(schema) : schema },
      ...(restricted && { strict: true }),
    },
  }
}

/** The one tool whose arguments are the answer, for models without structured output. */
export function answerTool(schema: unknown, description: string | undefined): Json {
  const say = 'Give the answer by calling this tool. Its arguments are the whole answer.'
  return {
    tools: [
      {
        toolSpec: {
          name: ANSWER_TOOL,
          description: description === undefined ? say : `${say} ${description}`,
          inputSchema: { json: schemaOf(schema) },
        },
      },
    ],
    toolChoice: { tool: { name: ANSWER_TOOL } },
  }
}
