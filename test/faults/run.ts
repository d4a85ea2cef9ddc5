import { setTimeout as sleep } from 'node:timers/promises'
import { chargesIn, expectSound, type LedgerBook, sqliteBook, topUp } from '../e2e/rig/books.ts'
import { type RunningGateway, startGateway } from '../harness/gateway.ts'
import { type FakeUpstream, fakeUpstream } from '../upstream/index.ts'
import { json, type Step } from '../upstream/step.ts'
import { type Asked, FLAP, healthy, SCENARIOS, type Scenario, type Timing, WORDS } from './scenarios.ts'
import { ask, type Seen, SURFACES, type SurfaceName } from './surfaces.ts'

/** How one scenario went through one surface. */
export interface Verdict {
  readonly id: string
  readonly title: string
  readonly bound: string
  readonly surface: SurfaceName
  /** What was wrong; null: nothing. */
  readonly wrong: string | null
  readonly ms: number
  readonly primaryTries: number
  readonly spareTries: number
}

const SURFACE_NAMES = Object.keys(SURFACES) as SurfaceName[]
/** nano-USD a token: of the primary, and of what stands in for it. */
const PRIMARY_PRICE = { prompt: 1_000n, completion: 2_000n }
const SPARE_PRICE = { prompt: 3_000n, completion: 5_000n }
const PROMPT_TOKENS = 21n

const modelOf = (id: string, surface: SurfaceName) => `faults/s${id}-${surface}`
const spareOf = (id: string, surface: SurfaceName) => `faults/spare-${id}-${surface}`

/** Runs all sixteen through all surfaces, at the same time: each has endpoints of its own. */
export async function runFaults(timing: Timing): Promise<Verdict[]> {
  const world = await World.start(timing)
  try {
    const calls = SURFACE_NAMES.flatMap((surface) => [
      world.flap(surface),
      ...SCENARIOS.map((scenario) => world.run(scenario, surface)),
    ])
    const verdicts = await Promise.all(calls)
    const money = await world.books(verdicts)
    return money.toSorted((a, b) => a.id.localeCompare(b.id))
  } finally {
    await world.stop()
  }
}

/** So many of the sixteen went well through every surface. */
export function score(verdicts: readonly Verdict[]): string {
  const ids = new Set(verdicts.map(({ id }) => id))
  const good = [...ids].filter((id) => verdicts.every((it) => it.id !== id || it.wrong === null))
  return `${good.length} of ${ids.size}`
}

class World {
  readonly #timing: Timing
  readonly #provider: FakeUpstream
  readonly #gateway: RunningGateway
  readonly #asked: Asked[]
  readonly #seen = new Map<string, { readonly scenario: Scenario; readonly seen: Seen }>()

  private constructor(timing: Timing, provider: FakeUpstream, gateway: RunningGateway, asked: Asked[]) {
    this.#timing = timing
    this.#provider = provider
    this.#gateway = gateway
    this.#asked = asked
  }

  static async start(timing: Timing): Promise<World> {
    const asked: Asked[] = []
    const provider = await fakeUpstream({ script: ({ body }) => answer(body, asked, timing) })
    const gateway = await startGateway({ config: configOf(provider.url, timing) })
    await topUp(gateway, 100)
    return new World(timing, provider, gateway, asked)
  }

  async stop(): Promise<void> {
    await this.#gateway.remove()
    await this.#provider.close()
  }

  async run(scenario: Scenario, surface: SurfaceName): Promise<Verdict> {
    const { id, title, bound } = scenario
    const spareModel = spareOf(id, surface)
    const seen = await ask(this.#gateway, surface, modelOf(id, surface), this.#timing.patienceMs)
    this.#seen.set(`${id} ${surface}`, { scenario, seen })
    const primary = this.#of(modelOf(id, surface))
    const spare = this.#of(spareModel)
    const wrong = scenario.judge({ seen, primary, spare, spareModel, timing: this.#timing })
    return {
      id,
      title,
      bound,
      surface,
      wrong,
      ms: seen.ms,
      primaryTries: primary.length,
      spareTries: spare.length,
    }
  }

  /** One request after the other, until some time after the primary has come back. */
  async flap(surface: SurfaceName): Promise<Verdict> {
    const { downMs, everyMs, recovery, patienceMs } = this.#timing
    const model = modelOf(FLAP.id, surface)
    const started = performance.now()
    const since = () => performance.now() - started
    flapping.set(model, started + downMs)
    let wrong: string | null = null
    let during = 0
    let back: number | null = null
    while (back === null && since() < downMs + recovery) {
      const next = since() + everyMs
      if (since() < downMs) during++
      const seen = await ask(this.#gateway, surface, model, patienceMs)
      if (!seen.finished || seen.error !== null) wrong ??= `not served: ${seen.error}`
      if (since() >= downMs && seen.model === model) back = since() - downMs
      await sleep(Math.max(0, next - since()))
    }
    const tries = this.#of(model).filter(({ at }) => at - started < downMs).length
    if (back === null) wrong ??= `not back within ${recovery} ms`
    if (tries > during)
      wrong ??= `the primary was asked ${tries} times in ${during} requests while it was down`
    const spareTries = this.#of(spareOf(FLAP.id, surface)).length
    return { ...FLAP, surface, wrong, ms: back ?? Number.NaN, primaryTries: tries, spareTries }
  }

  /** Each answer is charged once, at the price of who finished it; the ledger is sound. */
  async books(verdicts: readonly Verdict[]): Promise<Verdict[]> {
    await expectSound(this.#gateway)
    const book = sqliteBook(this.#gateway.dataDir)
    const charges = await chargesIn(book)
    const checked = await Promise.all(
      verdicts.map(async (verdict) => {
        const call = this.#seen.get(`${verdict.id} ${verdict.surface}`)
        const wrong = verdict.wrong ?? (call ? await billedWrong(call.seen, verdict, charges, book) : null)
        return { ...verdict, wrong }
      }),
    )
    await book.close()
    return checked
  }

  #of(model: string): Asked[] {
    return this.#asked.filter((asked) => asked.model === model)
  }
}

/** When the flapping primaries are well again, monotonic ms. */
const flapping = new Map<string, number>()

function answer(body: string, asked: Asked[], timing: Timing): Step {
  const { model, messages } = JSON.parse(body) as { model: string; messages: { role: string }[] }
  const lastRole = messages.at(-1)!.role
  const at = performance.now()
  asked.push({ model, at, lastRole })
  const [, spare, id] = /^faults\/(s|spare-)(\d\d)-/.exec(model) ?? []
  const scenario = SCENARIOS.find((known) => known.id === id)
  if (spare === 'spare-') {
    const refuses = scenario?.refusesPrefix === true && lastRole === 'assistant'
    return refuses ? json(400, { error: { message: 'this model takes no prefill' } }) : healthy(timing)
  }
  if (scenario === undefined) {
    const down = at < (flapping.get(model) ?? 0)
    return down ? json(503, { error: { message: 'the engine is overloaded' } }) : healthy(timing)
  }
  return scenario.primary(asked.filter((one) => one.model === model).length, timing)
}

/** The seam of a rescue lies inside the answer; all else is charged as one answer of the endpoint that gave it. */
async function billedWrong(
  seen: Seen,
  { spareTries }: Verdict,
  charges: ReadonlyMap<string, bigint>,
  book: LedgerBook,
): Promise<string | null> {
  const charged = charges.get(seen.id) ?? 0n
  const price = spareTries > 0 ? SPARE_PRICE : PRIMARY_PRICE
  const whole = PROMPT_TOKENS * price.prompt + BigInt(WORDS.length) * price.completion
  const due = seen.status === 200 ? whole : 0n
  if (charged !== due) return `charged ${charged} nano-USD, ${due} expected`
  const attempts = await book.rows(
    `select outcome, error_code from attempts where generation_id = '${seen.id}'`,
  )
  const good = attempts.filter(({ outcome }) => outcome === 'ok').length
  return good === (seen.status === 200 ? 1 : 0) ? null : `${good} good attempts in the books`
}

function configOf(url: string, timing: Timing): string {
  const all: readonly Pick<Scenario, 'id' | 'refusesPrefix'>[] = [...SCENARIOS, FLAP]
  const pairs = all.flatMap((scenario) => SURFACE_NAMES.map((surface) => ({ ...scenario, surface })))
  const usd = (nanos: bigint) => Number(nanos) / 1_000
  const model = (id: string, context: number, { prompt, completion }: typeof PRIMARY_PRICE) =>
    `\n      - { id: ${id}, context_length: ${context}, max_output: 1024,
          price: { prompt: "${usd(prompt)}", completion: "${usd(completion)}" } }`
  const block = (id: string, models: readonly string[], more = '') => `
  ${id}:
    dialect: openai-chat
    base_url: "${url}/v1"
    api_key: key-of-${id}${more}
    models:${models.join('')}`
  const spares = (refuses: boolean) =>
    pairs
      .filter(({ refusesPrefix = false }) => refusesPrefix === refuses)
      .map(({ id, surface }) => model(spareOf(id, surface), 131_072, SPARE_PRICE))
  return `credits: prepaid
detect: false
timeouts: ${timing.timeouts}
retries: 2
fallbacks:${pairs.map(({ id, surface }) => `\n  ${modelOf(id, surface)}: [${spareOf(id, surface)}]`).join('')}
providers:${block(
    'primary',
    pairs.map(({ id, surface }) => model(modelOf(id, surface), 8_192, PRIMARY_PRICE)),
  )}${block('spare', spares(false))}${block('prefix', spares(true), '\n    assistant_prefix: plain')}
`
}
