import type { Framing } from '../dialects/index.ts'

/** Media type of a stream in that framing. */
export function streamType(framing: Framing): string {
  if (framing === 'sse') return 'text/event-stream'
  return framing === 'jsonl' ? 'application/x-ndjson' : 'application/vnd.amazon.eventstream'
}

/** What an upstream is asked for. */
export function accepted(framing: Framing, stream: boolean): string {
  return stream ? streamType(framing) : 'application/json'
}

/**
 * What is wrong with the head of an answer of a good status, as a sentence, or null. `json`: JSON where a stream was
 * asked for; it may hold an error, so it is read like one. Other odd or missing types pass, since providers send them.
 */
export function misfit(
  header: (name: string) => string | undefined,
  framing: Framing,
  stream: boolean,
): string | null {
  const encoding = header('content-encoding')
  if (encoding !== undefined && encoding !== 'identity')
    return 'The answer is compressed, which was not asked for.'
  const type = (header('content-type') ?? '').toLowerCase()
  if (type.startsWith('text/html')) return 'The provider answered with a web page.'
  if (stream && framing === 'sse' && type.startsWith('application/json')) return 'json'
  if (!stream && type.startsWith('text/event-stream'))
    return 'The provider answered with a stream that was not asked for.'
  return null
}
