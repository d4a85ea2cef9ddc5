import type { RecordedCase } from '../fixtures.ts'
import { type RunningGateway, startGateway } from '../harness/gateway.ts'
import { fakeUpstream, replay } from '../upstream/index.ts'

/** One model of the gateway, behind which one recording is played to one client. */
export interface Unit {
  /** Catalog id. */
  readonly id: string
  readonly recorded: RecordedCase
  /** A provider of the gateway's own list; null: one of the operator's own that speaks `dialect`. */
  readonly provider: string | null
  readonly dialect: string
  readonly capabilities: readonly string[]
}

/** A gateway in front of every recording. One client calls at a time. */
export interface World {
  readonly gateway: RunningGateway
  /** What the provider answers from now on: the unit's recording, cut at random places that `seed` tells. */
  play(unit: Unit, seed: number): void
  /** The body of the last request that the provider got. */
  sent(): string
  stop(): Promise<void>
}

/** Starts provider and gateway. */
export async function startWorld(units: readonly Unit[]): Promise<World> {
  const upstream = await fakeUpstream()
  const started = await startGateway({
    config: configOf(units, upstream.url),
    env: { WAYBILL_DETECT: 'false', WAYBILL_RETRIES: '0' },
  })
  // Where money is counted, tools that a provider bills by the call are kept from it.
  const free = await started.call('POST', '/keys', { name: 'without a limit' }, started.operatorKey)
  const gateway = { ...started, key: free.body.key as string }
  return {
    gateway,
    play({ recorded }, seed) {
      const step = replay(recorded)
      // Small pieces, but not more than some hundred of them.
      const max = Math.max(80, Math.ceil((step.body as Buffer).length / 150))
      upstream.play({ ...step, boundaries: { seed, max } })
    },
    sent: () => upstream.requests.at(-1)?.body ?? '',
    stop: async () => {
      await gateway.remove()
      await upstream.close()
    },
  }
}

/** Each provider with the models of its recordings. What fails stands behind a provider of its own, since it closes it. */
function configOf(units: readonly Unit[], url: string): string {
  const providers: Record<string, { models: object[]; [setting: string]: unknown }> = {}
  for (const { id, recorded, provider, dialect, capabilities } of units) {
    const failing = recorded.response.status >= 400 || /error-midstream|constructed/.test(recorded.id)
    const own = failing ? id.replace('/', '-') : `own-${recorded.folder}-${dialect}`
    const name = provider ?? own
    providers[name] ??= {
      base_url: url,
      api_key: 'x',
      project: 'p',
      region: 'global',
      ...(provider === null && { dialect }),
      models: [],
    }
    providers[name].models.push({
      id,
      upstream_id: recorded.model || 'model',
      context_length: 10_000_000,
      max_output: 1_000_000,
      price: { prompt: '1', completion: '2' },
      capabilities,
    })
  }
  return JSON.stringify({ credits: 'unlimited', providers })
}
