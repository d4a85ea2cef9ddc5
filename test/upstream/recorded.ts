import { type RecordedCase, responseBytes } from '../fixtures.ts'
import type { Step } from './step.ts'

/** Replays a recorded case: status, content type and rate-limit headers, and the body's bytes, split at `more.boundaries`. */
export function replay(recorded: RecordedCase, more: Step = {}): Step {
  const headers: Record<string, string> = {}
  for (const [name, value] of Object.entries(recorded.response.headers)) {
    if (!/^(content-length|content-encoding|transfer-encoding|connection)$/i.test(name)) headers[name] = value
  }
  return { status: recorded.response.status, headers, body: responseBytes(recorded), ...more }
}
