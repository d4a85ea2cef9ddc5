import type { Gateway } from '../http/gateway.ts'
import type { Credential, ProviderSettings } from '../providers/index.ts'
import type { ProbeResult } from '../relay/index.ts'
import { freeCall, probeRows, tellState } from './probes.ts'
import type { Wired } from './wire.ts'

/** Chance makes each pause up to this share shorter, so that several gateways do not ask together. */
const JITTER = 0.2
/** So many calls in a row that met no answer at all say that the provider is away. */
const MISSES = 2

/**
 * The configuration's `probes`: one free call a provider and key, ever again. What it learns goes where outcomes of requests go:
 * a key that is not taken is left alone, a provider that is away is avoided, one that is back is tried at once.
 */
export class ActiveProbes {
  readonly #wired: () => Wired | null
  readonly #random: () => number
  readonly #misses = new Map<string, number>()
  #timer: NodeJS.Timeout | null = null

  constructor(wired: () => Wired | null, random: () => number) {
    this.#wired = wired
    this.#random = random
  }

  /** Begins, or begins anew with another configuration. */
  restart(): void {
    this.stop()
    const pause = this.#wired()?.gateway.snapshot.config.probesMs ?? null
    if (pause === null) return
    const timer = setTimeout(
      async () => {
        await this.round()
        if (this.#timer === timer) this.restart()
      },
      pause * (1 - JITTER * this.#random()),
    )
    timer.unref()
    this.#timer = timer
  }

  stop(): void {
    if (this.#timer !== null) clearTimeout(this.#timer)
    this.#timer = null
  }

  /** Asks every provider once. Never rejects. */
  async round(): Promise<void> {
    const wired = this.#wired()
    if (wired === null || wired.gateway.draining) return
    await Promise.all(
      probeRows(wired.gateway.snapshot).map(async ({ provider, credential }) => {
        const said = await freeCall(wired.transport, provider, credential)
        if (said === null || wired.gateway.draining) return
        tellState(wired.gateway, provider, credential, said)
        this.#note(wired.gateway, provider, credential, said)
      }),
    )
  }

  #note(
    { health, clock, snapshot }: Gateway,
    { definition: { id: providerId } }: ProviderSettings,
    credential: Credential | null,
    said: ProbeResult,
  ): void {
    const away = said.state === 'unreachable' && !said.answered
    const missed = this.#misses.get(providerId) ?? 0
    if (away) this.#misses.set(providerId, missed + 1)
    else this.#misses.delete(providerId)
    // 403 may mean that the key may not list models, and nothing else.
    if (said.state === 'refused' && said.status === 401 && credential !== null) {
      health.refuseCredential(credential.id, clock.tick())
    }
    if (said.state === 'works' && credential !== null) health.enableCredential(credential.id)
    const goes = away && missed + 1 === MISSES
    const returns = !away && missed >= MISSES
    if (!goes && !returns) return
    const ids = snapshot.catalog.endpoints.filter((e) => e.providerId === providerId).map(({ id }) => id)
    if (goes) health.suspect(ids, clock.tick())
    else health.expect(ids, clock.tick())
  }
}
