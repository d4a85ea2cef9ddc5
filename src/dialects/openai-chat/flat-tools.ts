import { type Json, object, text } from '../json.ts'

/** Members of a function in either spelling. */
const MEMBERS = ['name', 'description', 'parameters', 'strict'] as const

/**
 * A body whose functions stand under `function`, as this format has them. Cursor and others write them flat, as the
 * Responses API does, and so their choice of a tool. The very same body when nothing is flat.
 */
export function nestTools(body: Json): Json {
  const { tools, tool_choice: choice } = body
  const flatChoice = isFlat(choice)
  const flat = Array.isArray(tools) && tools.some(isFlat)
  if (!flat && !flatChoice) return body
  return {
    ...body,
    ...(flat && { tools: tools.map((tool) => (isFlat(tool) ? nested(tool) : tool)) }),
    ...(flatChoice && { tool_choice: { type: 'function', function: { name: choice['name'] } } }),
  }
}

function isFlat(tool: unknown): tool is Json {
  const wire = object(tool)
  return wire?.['type'] === 'function' && wire['function'] === undefined && text(wire['name']) !== null
}

function nested(tool: Json): Json {
  const fn: Json = {}
  const rest: Json = {}
  for (const key in tool) {
    if ((MEMBERS as readonly string[]).includes(key)) {
      if (tool[key] !== null) fn[key] = tool[key]
    } else rest[key] = tool[key]
  }
  return { ...rest, function: fn }
}
