import type { Answer, Json } from './answer.ts'
import type { Case } from './cases.ts'
import { type Difference, differences } from './compare.ts'
import type { ClientSurface, Question } from './surfaces/index.ts'
import type { Unit, World } from './world.ts'

/** One recording for one client: what it has to see, and who asks. */
export interface Pair extends Unit {
  readonly at: Case
  readonly surface: ClientSurface
}

/** Asks as a client of the surface would, and compares what it got with what the provider said. */
export async function replayTo(world: World, pair: Pair, seed: number): Promise<Difference[]> {
  const { at, surface } = pair
  const { told, recorded } = at
  const stream = recorded.response.status < 400 ? recorded.response.kind !== 'json' : recorded.stream
  const question: Question = {
    model: pair.id,
    stream,
    tools: [...new Set(told.choices.flatMap(({ tools }) => tools.map(({ name }) => name)))],
    choices: Math.max(1, told.choices.length),
  }
  world.play(pair, seed)
  try {
    const response = await ask(world, surface, question, recordedRequest(at, surface))
    const body = await response.text()
    const got = read(pair, stream, response, body)
    if (got.error === null && told.choices.some(({ proofs }) => proofs.length > 0))
      await checkProofs(world, pair, question, body, got)
    return differences(told, got)
  } catch (thrown) {
    return [{ facet: 'format', told: null, got: String(thrown) }]
  }
}

/** A proof counts when the provider gets it back with the next turn. */
async function checkProofs(
  world: World,
  { at, surface }: Pair,
  question: Question,
  body: string,
  got: Answer,
): Promise<void> {
  const next = await ask(world, surface, { ...question, turn: surface.turn(body, question.stream) })
  const text = await next.text()
  if (next.status !== 200) throw new Error(`the next turn: ${text}`)
  const sent = world.sent()
  const came = (proof: string) => sent.includes(JSON.stringify(proof).slice(1, -1))
  for (const [i, choice] of got.choices.entries())
    choice.proofs = (at.told.choices[i]?.proofs ?? []).filter(came)
  const back = signedThoughts(JSON.parse(sent))
  const { reasoning } = at.told.choices[0]!
  if (back !== '' && back !== reasoning) throw new Error(`thoughts came back as ${back}`)
}

/** The thoughts of Claude that a body sends back: a signature holds for every character of its own. */
function signedThoughts(body: unknown): string {
  if (typeof body !== 'object' || body === null) return ''
  const it = body as Json
  if (it['type'] === 'thinking') return it['thinking'] ?? ''
  if (it['reasoningText']) return it['reasoningText'].text
  return Object.values(it).map(signedThoughts).join('')
}

/** The request as it was recorded, for a client that speaks the provider's format. */
function recordedRequest({ format, recorded }: Case, surface: ClientSurface): Json | undefined {
  const body = recorded.request.body as Json | null
  if (body === null || format !== surface.dialect || recorded.id.startsWith('constructed/')) return undefined
  // Search that OpenRouter itself adds is not served.
  return JSON.stringify(body['tools'] ?? []).includes('"openrouter:') ? undefined : body
}

function ask(world: World, surface: ClientSurface, question: Question, own?: Json): Promise<Response> {
  const { url, key } = world.gateway
  return fetch(`${url}${surface.path(question)}`, {
    method: 'POST',
    headers: {
      'content-type': 'application/json',
      [surface.header]: surface.header === 'authorization' ? `Bearer ${key}` : key,
      ...(surface.dialect === 'anthropic-messages' && { 'anthropic-version': '2023-06-01' }),
    },
    body: JSON.stringify(own ? { ...own, ...surface.addressed(question) } : surface.body(question)),
  })
}

function read({ at, surface }: Pair, stream: boolean, response: Response, body: string): Answer {
  if (response.status === 200) return surface.read(body, stream, at.format === surface.dialect)
  const failure = surface.failure(JSON.parse(body))
  if (failure.status !== response.status) throw new Error(`status ${response.status} holds ${body}`)
  const wait = response.headers.get('retry-after')
  return { choices: [], usage: null, error: { ...failure, retryAfter: wait === null ? null : Number(wait) } }
}
