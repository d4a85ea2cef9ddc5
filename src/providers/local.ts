/** Most models taken over from one local server's list. */
const MAX_LISTED = 1000

/**
 * The model names in a server's answer to `GET /models` (OpenAI's list shape), in its order, without repeats.
 * Anything that is not of the shape yields an empty list: a local server is somebody else's program.
 */
export function listedModels(body: unknown): string[] {
  const data = isRecord(body) ? body['data'] : undefined
  if (!Array.isArray(data)) return []
  const names = data.map((row: unknown) => (isRecord(row) ? row['id'] : undefined))
  const usable = names.filter((id): id is string => typeof id === 'string' && /^[\x21-\x7e]{1,200}$/.test(id))
  return [...new Set(usable)].slice(0, MAX_LISTED)
}

function isRecord(value: unknown): value is Record<string, unknown> {
  return typeof value === 'object' && value !== null
}
