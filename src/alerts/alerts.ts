import { randomBytes } from 'node:crypto'
import type { Clock } from '../lib/index.ts'
import type { AlertRow, Store } from '../store/index.ts'
import { type Destination, destinationId, labelOf } from './destination.ts'
import { type Message, messageOf, type Words } from './message.ts'
import { abandon, type Claimed, claim, deliveryOf, insert, moveAll, note, spread } from './outbox.ts'
import { subjectOf } from './query.ts'
import { type Sent, send } from './send.ts'

/** How often the outbox is looked at where there are destinations, ms. */
const EVERY_MS = 2_000

export interface AlertsOptions {
  readonly store: Store
  readonly clock: Clock
  readonly random: () => number
  /** As configured now. */
  readonly destinations: () => readonly Destination[]
  readonly words: Words
  /** A delivery has failed for good; `label` names the destination without its secrets. */
  readonly onGivenUp: (label: string, error: string | null) => void
  /** The outbox could not be read or written; the next round tries again. */
  readonly onError: (error: unknown) => void
}

/** What a test told of one destination. */
interface Tested extends Sent {
  readonly label: string
}

/**
 * Delivers alerts at least once, each to every destination: the room of money wrote them with their charges, here they
 * get deliveries, and those are tried until they succeed or a day has passed. Several nodes may run one each.
 */
export class Alerts {
  readonly #options: AlertsOptions
  readonly #stop = new AbortController()
  #timer: NodeJS.Timeout | null = null
  #round: Promise<void> | null = null

  constructor(options: AlertsOptions) {
    this.#options = options
  }

  start(): void {
    this.#timer = setInterval(() => void this.deliver(), EVERY_MS)
    this.#timer.unref()
  }

  /** One round: everything that is due is tried once. Rounds never overlap. */
  deliver(): Promise<void> {
    this.#round ??= this.#deliver()
      .catch(this.#options.onError)
      .finally(() => {
        this.#round = null
      })
    return this.#round
  }

  /** What is being tried is broken off; this node or another one tries it again. */
  async stop(): Promise<void> {
    if (this.#timer !== null) clearInterval(this.#timer)
    this.#stop.abort()
    await this.#round
  }

  /**
   * Sends a test to every destination, also to those that wanted no more; one that takes it gets alerts again. It is
   * listed like an alert and tried once.
   */
  async test(organizationId: string): Promise<Tested[]> {
    const { store, clock, destinations } = this.#options
    const alert = testAlert(organizationId, clock.now())
    await store.db.insertInto('alerts').values(alert).execute()
    const message = await this.#message(alert)
    return await Promise.all(
      destinations().map(async (destination) => {
        const sent = await this.#send(destination, message)
        const now = clock.now()
        const row = deliveryOf(alert.id, destination, { state: sent.ok ? 'delivered' : 'failed', now })
        const { status: last_status, error: last_error } = sent
        await insert(store, [{ ...row, attempts: 1, last_status, last_error }])
        if (sent.ok) await moveAll(store, destinationId(destination), ['gone', 'failed'], now)
        return { ...sent, label: labelOf(destination) }
      }),
    )
  }

  async #deliver(): Promise<void> {
    const { store, clock, destinations } = this.#options
    const known = new Map(destinations().map((one) => [destinationId(one), one]))
    if (known.size === 0 || this.#stop.signal.aborted) return
    await spread(store, [...known.values()], clock.now())
    const due = await claim(store, [...known.keys()], clock.now())
    await Promise.all(due.map((one) => this.#try(one, known.get(one.delivery.destination)!)))
    await abandon(store, clock.now())
  }

  async #try({ delivery, alert }: Claimed, destination: Destination): Promise<void> {
    const { store, clock, random } = this.#options
    const sent = await this.#send(destination, await this.#message(alert))
    // Broken off by the end of this process, it was no failure of theirs: its lease runs out and it is tried again.
    if (!sent.ok && this.#stop.signal.aborted) return
    const state = await note(store, delivery, sent, { now: clock.now(), random: random() })
    if (state === 'failed' || state === 'gone') this.#options.onGivenUp(delivery.label, sent.error)
  }

  async #message(alert: AlertRow): Promise<Message> {
    return messageOf(alert, await subjectOf(this.#options.store, alert), this.#options.words)
  }

  #send(destination: Destination, message: Message): Promise<Sent> {
    return send(destination, message, { nowMs: this.#options.clock.now(), stop: this.#stop.signal })
  }
}

function testAlert(organizationId: string, now: number): AlertRow {
  const id = randomBytes(12).toString('hex')
  return {
    id: `alert-${id}`,
    organization_id: organizationId,
    workspace_id: null,
    creator_user_id: null,
    scope: 'test',
    scope_id: id,
    span: 'total',
    window_start: 0n,
    threshold: 0n,
    cap_nanos: null,
    amount_nanos: 0n,
    cause: 'test',
    created_at: BigInt(now),
    sent: 1,
  }
}
