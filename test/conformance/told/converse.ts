import { type RecordedCase, responseBytes } from '../../fixtures.ts'
import { readBedrock } from '../../trial/bedrock.ts'
import { type Answer, argsOf, cited, type Finish } from '../answer.ts'
import { failureInside } from './errors.ts'

const CONVERSE_FINISH: Readonly<Record<string, Finish>> = {
  end_turn: 'stop',
  stop_sequence: 'stop',
  max_tokens: 'length',
  tool_use: 'tool_calls',
  guardrail_intervened: 'content_filter',
  content_filtered: 'content_filter',
}

export function toldInConverse(recorded: RecordedCase): Answer {
  const read = readBedrock(recorded)
  const raw = responseBytes(recorded).toString('latin1')
  const exception = /(\w+)Exception/.exec(raw)?.[1]
  // Tools of Nova's own come with their results.
  const own = read.others === 0 ? read.tools : read.tools.filter(([name]) => !name.startsWith('nova_'))
  return {
    choices: [
      {
        text: read.text,
        reasoning: read.reasoning,
        tools: own.map(([name, args]) => ({ name, args: typeof args === 'string' ? argsOf(args) : args })),
        proofs: [read.signatures, read.encrypted].filter((it) => it !== ''),
        citations: cited(
          [...raw.matchAll(/"web":\{[^}]*"url":"([^"]+)"|"sourceContent":\[[^\]]*\],"title":"([^"]+)"/g)].map(
            ([, url, title]) => url ?? title,
          ),
        ),
        finish: read.stop === null ? null : CONVERSE_FINISH[read.stop]!,
      },
    ],
    usage: read.tokens && {
      prompt: read.tokens[0],
      completion: read.tokens[1],
      cacheRead: read.tokens[2],
      cacheWrite: Number(/"cacheWriteInputTokens":(\d+)/.exec(raw)?.[1] ?? 0),
      reasoning: 0,
    },
    error: read.error ? failureInside({ code: exception === 'throttling' ? 429 : 502 }) : null,
  }
}
