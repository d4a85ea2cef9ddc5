import type { ConfiguredModel } from '../catalog/index.ts'
import type { Tariff } from '../chat/index.ts'

/** The simulator as a provider: keyless, in this process, billed to the test account of an organization. */
export const SIMULATOR = {
  id: 'simulator',
  name: 'Simulator',
  dialect: 'openai-chat',
  /** Origin of its endpoints; the transport for it is `createSimulator`. */
  origin: 'sim://simulator',
  cancelStopsBilling: true,
} as const

/** How a test model behaves; one of these an entry of `SIMULATED_MODELS`. */
export type Behaviour =
  | 'echo'
  | 'lorem-500'
  | 'slow-ttft-3s'
  | 'rate-limited'
  | 'overloaded-then-ok'
  | 'cut-mid-stream'
  | 'context-overflow'
  | 'tool-call'
  | 'json-schema'
  | 'reasoning'
  | 'expensive'
  | 'refusal'

export interface SimulatedModel extends ConfiguredModel {
  readonly behaviour: Behaviour
  /** One sentence for lists and the reference. */
  readonly description: string
  readonly contextLength: number
  readonly maxOutput: number
  readonly tariff: Tariff
  readonly simulated: true
}

/** Test prices: $0.10 and $0.40 per million tokens. */
const CHEAP: Tariff = {
  version: 'simulated-1',
  prompt: 100_000n,
  completion: 400_000n,
  cacheRead: null,
  cacheWrite: null,
  cacheWrite1h: null,
  reasoning: null,
  request: 0n,
  tiers: [],
}

/** $6.50 a call: three calls use up a limit of $20. */
const DEAR: Tariff = { ...CHEAP, version: 'simulated-dear-1', request: 6_500_000_000_000n }

function simulated(
  behaviour: Behaviour,
  description: string,
  capabilities: readonly string[] = [],
  tariff = CHEAP,
): SimulatedModel {
  const id = `sim/${behaviour}`
  return {
    behaviour,
    description,
    providerId: SIMULATOR.id,
    providerName: SIMULATOR.name,
    dialect: SIMULATOR.dialect,
    id,
    upstreamId: id,
    contextLength: 131_072,
    maxOutput: 16_384,
    tariff,
    free: false,
    capabilities,
    simulated: true,
  }
}

/** Every test model, as entries for the catalog. */
export const SIMULATED_MODELS: readonly SimulatedModel[] = [
  simulated('echo', 'Repeats the last user message.'),
  simulated('lorem-500', 'Answers 500 tokens of the same filler text.'),
  simulated('slow-ttft-3s', 'Says nothing for 3 s, then repeats the last user message.'),
  simulated('rate-limited', 'Always 429, with Retry-After: 7.'),
  simulated('overloaded-then-ok', 'Fails the first try of a conversation with 503 and answers the second.'),
  simulated('cut-mid-stream', 'Breaks the connection in the middle of its answer.'),
  simulated('context-overflow', 'Always 400: the prompt is too long.'),
  simulated(
    'tool-call',
    'Calls the first tool (or the one that tool_choice names), then reports its result.',
    ['tools'],
  ),
  simulated('json-schema', 'Answers with an instance of the JSON schema of response_format.', [
    'structured_outputs',
  ]),
  simulated('reasoning', 'Thinks aloud, then repeats the last user message.', ['reasoning']),
  simulated('expensive', 'Repeats the last user message for $6.50 of test credit.', [], DEAR),
  simulated('refusal', 'Declines to answer.'),
]
