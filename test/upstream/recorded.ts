import { existsSync, readdirSync, readFileSync } from 'node:fs'
import { join } from 'node:path'
import { fileURLToPath } from 'node:url'
import type { Step } from './step.ts'

/** Recorded provider traffic beside a checkout; not part of the project. */
export const RECORDINGS = fileURLToPath(new URL('../../../shared/fixtures', import.meta.url))

export const haveRecordings = existsSync(RECORDINGS)

export interface Recording {
  readonly id: string
  readonly dialect: string
  readonly provider: string
  readonly category: string
  readonly flags: readonly string[]
  readonly model: string
  readonly stream: boolean
  readonly request: { readonly method: string; readonly url_path: string; readonly body: unknown }
  readonly response: {
    readonly status: number
    readonly headers: Readonly<Record<string, string>>
    readonly kind: 'json' | 'sse' | 'ndjson' | 'text' | 'eventstream'
    readonly body?: unknown
    readonly text?: string
    readonly chunks_base64?: readonly string[]
  }
}

/** All recordings of a folder (`openai-chat`, `groq`, …). */
export function recordings(folder: string): Recording[] {
  const path = join(RECORDINGS, folder)
  if (!existsSync(path)) return []
  return readdirSync(path)
    .filter((name) => name.endsWith('.json'))
    .sort()
    .map((name) => JSON.parse(readFileSync(join(path, name), 'utf8')) as Recording)
}

/** Replays a recording: status, content type, rate-limit headers and the body's bytes, split at `more.boundaries`. */
export function replay(recording: Recording, more: Step = {}): Step {
  const { response } = recording
  const headers: Record<string, string> = {}
  for (const [name, value] of Object.entries(response.headers)) {
    if (!/^(content-length|content-encoding|transfer-encoding|connection)$/i.test(name)) headers[name] = value
  }
  return { status: response.status, headers, body: bodyOf(response), ...more }
}

function bodyOf(response: Recording['response']): unknown {
  if (response.kind === 'json') return JSON.stringify(response.body)
  if (response.chunks_base64) {
    return Buffer.concat(response.chunks_base64.map((chunk) => Buffer.from(chunk, 'base64')))
  }
  return response.text ?? ''
}
