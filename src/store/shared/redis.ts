import { createHash } from 'node:crypto'
import { createClient } from '@redis/client'
import { MemoryState } from './memory.ts'
import { type Admission, GATE_RETRY_MS, type Rate, type SharedState, type Verdict } from './shared.ts'

export interface RedisOptions {
  /** `redis://…` or `rediss://…`. */
  readonly url: string
  /** Monotonic ms, for what is counted here while Redis is away. */
  readonly now: () => number
  /** Told once when Redis goes away and once when it is back. */
  readonly onChange: (state: 'away' | 'back', error: unknown) => void
}

/** Longest wait for an answer, ms; then this node counts by itself. */
const PATIENCE_MS = 50
/** So long nothing is asked after a failure, ms. */
const PAUSE_MS = 1_000
const RECONNECT_MS = 500

/**
 * One admission: gates first, then rates, then all are taken. Times are Redis's own, so that nodes with differing clocks
 * agree. Answers {0} or {1 gate | 2 rate, position, ms to wait, remaining}.
 */
const ADMIT = `
local t = redis.call('TIME')
local now = t[1] * 1000 + math.floor(t[2] / 1000)
local gates, rates = tonumber(ARGV[1]), tonumber(ARGV[2])
local id, lease = ARGV[3], tonumber(ARGV[4])
for i = 1, gates do
  redis.call('ZREMRANGEBYSCORE', KEYS[i], '-inf', now)
  if redis.call('ZCARD', KEYS[i]) >= tonumber(ARGV[4 + i]) then return {1, i - 1, 0, 0} end
end
local at = 4 + gates
local full = {}
for i = 1, rates do
  local limit, window, cost = tonumber(ARGV[at + 1]), tonumber(ARGV[at + 2]), tonumber(ARGV[at + 3])
  at = at + 3
  local filling = math.max(0, tonumber(redis.call('GET', KEYS[gates + i]) or 0) - now)
  local wait = filling + math.min(cost, limit) * window / limit - window
  if wait > 0 then
    return {2, i - 1, math.ceil(wait), math.max(0, math.floor((window - filling) * limit / window))}
  end
  full[i] = now + filling + cost * window / limit
end
for i = 1, gates do
  redis.call('ZADD', KEYS[i], now + lease, id)
  redis.call('PEXPIRE', KEYS[i], lease)
end
for i = 1, rates do
  local left = math.ceil(full[i] - now)
  if left > 0 then redis.call('SET', KEYS[gates + i], string.format('%.3f', full[i]), 'PX', left) end
end
return {0}`

/** Takes from rates without asking; a bucket that comes out full is deleted. */
const CORRECT = `
local t = redis.call('TIME')
local now = t[1] * 1000 + math.floor(t[2] / 1000)
for i = 1, #KEYS do
  local limit, window, cost = tonumber(ARGV[3 * i - 2]), tonumber(ARGV[3 * i - 1]), tonumber(ARGV[3 * i])
  local full = math.max(tonumber(redis.call('GET', KEYS[i]) or 0), now) + cost * window / limit
  if full <= now then redis.call('DEL', KEYS[i])
  else redis.call('SET', KEYS[i], string.format('%.3f', full), 'PX', math.ceil(full - now)) end
end
return 0`

/**
 * The shared state of several nodes. When Redis does not answer within 50 ms the node counts by itself and tries again
 * after a second: limits are looser for a while, and nothing else changes.
 */
export class RedisState implements SharedState {
  readonly #client: ReturnType<typeof createClient>
  readonly #alone: MemoryState
  readonly #options: RedisOptions
  /** Calls inside that were counted here, while Redis was away. */
  readonly #here = new Set<string>()
  #quietUntil = 0
  #away = false

  constructor(options: RedisOptions) {
    this.#options = options
    this.#alone = new MemoryState(options.now)
    this.#client = createClient({
      url: options.url,
      disableOfflineQueue: true,
      socket: { connectTimeout: 2_000, reconnectStrategy: () => RECONNECT_MS },
    })
    this.#client.on('error', (error: unknown) => this.#failed(error))
    // Tries again by itself; what is asked meanwhile is answered here.
    this.#client.connect().catch((error: unknown) => this.#failed(error))
  }

  async admit(admission: Admission): Promise<Verdict> {
    const { gates, rates, id, leaseMs, group } = admission
    const keys = [...gates, ...rates].map(({ key }) => name(group, key))
    const numbers = [
      gates.length,
      rates.length,
      id,
      leaseMs,
      ...gates.map((gate) => gate.limit),
      ...rates.flatMap(numbersOf),
    ]
    const answer = (await this.#run(ADMIT, keys, numbers)) as number[] | null
    if (answer === null) return this.#admitAlone(admission)
    const [what = 0, index = 0, wait = 0, remaining = 0] = answer
    if (what === 0) return { ok: true }
    return what === 1
      ? { ok: false, by: 'gate', index, retryAfterMs: GATE_RETRY_MS, remaining: 0 }
      : { ok: false, by: 'rate', index, retryAfterMs: wait, remaining }
  }

  #admitAlone(admission: Admission): Verdict {
    const verdict = this.#alone.admit(admission)
    if (verdict.ok && admission.gates.length > 0) this.#here.add(admission.id)
    return verdict
  }

  correct(group: string, rates: readonly Rate[]): void {
    const keys = rates.map(({ key }) => name(group, key))
    void this.#run(CORRECT, keys, rates.flatMap(numbersOf)).then((answer) => {
      if (answer === null) this.#alone.correct(group, rates)
    })
  }

  leave({ id, group, gates }: Pick<Admission, 'id' | 'group' | 'gates'>): void {
    if (this.#here.delete(id)) this.#alone.leave({ gates })
    else for (const { key } of gates) void this.#ask(['ZREM', name(group, key), id])
  }

  async close(): Promise<void> {
    this.#client.destroy()
  }

  /** Whether Redis answers at the moment. */
  get ready(): boolean {
    return this.#client.isReady
  }

  async #run(
    script: string,
    keys: readonly string[],
    values: readonly (string | number)[],
  ): Promise<unknown> {
    const rest = [String(keys.length), ...keys, ...values.map(String)]
    const answer = await this.#ask(['EVALSHA', sha(script), ...rest])
    return answer === NO_SCRIPT ? await this.#ask(['EVAL', script, ...rest]) : answer
  }

  /** The answer, or null when there is none in time. */
  async #ask(command: readonly string[]): Promise<unknown> {
    if (this.#options.now() < this.#quietUntil || !this.#client.isReady) return null
    let timer: NodeJS.Timeout | undefined
    const late = new Promise<never>((_, reject) => {
      const tooLate = () => reject(new Error(`Redis did not answer within ${PATIENCE_MS} ms`))
      // When this process was held up, the answer may have come and waits to be read: it is, before this is decided.
      timer = setTimeout(() => setImmediate(tooLate), PATIENCE_MS)
    })
    try {
      const answer = await Promise.race([this.#client.sendCommand([...command]), late])
      this.#works()
      return answer
    } catch (error) {
      if (String(error).includes('NOSCRIPT')) return NO_SCRIPT
      this.#failed(error)
      return null
    } finally {
      clearTimeout(timer)
    }
  }

  #failed(error: unknown): void {
    this.#quietUntil = this.#options.now() + PAUSE_MS
    if (this.#away) return
    this.#away = true
    this.#options.onChange('away', error)
  }

  #works(): void {
    if (!this.#away) return
    this.#away = false
    this.#options.onChange('back', null)
  }
}

const NO_SCRIPT = Symbol('no script')

const shas = new Map<string, string>()

function sha(script: string): string {
  let known = shas.get(script)
  if (known === undefined) {
    // Redis names scripts by their SHA-1.
    known = createHash('sha1').update(script).digest('hex')
    shas.set(script, known)
  }
  return known
}

/** In a cluster, what stands in braces decides the slot: a group is on one node. */
function name(group: string, key: string): string {
  return `waybill:{${group}}:${key}`
}

function numbersOf({ limit, windowMs, cost }: Rate): [number, number, number] {
  return [limit, windowMs, cost]
}
