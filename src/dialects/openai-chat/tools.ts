import { count, type Json, object, text } from '../json.ts'

interface Slot {
  readonly out: number
  readonly id: string
  named: boolean
  filled: boolean
}

/**
 * Puts tool-call fragments of one choice into the order that OpenAI's clients add up: each call has an index of its own;
 * id, type and name stand on its first fragment only. Providers deviate: Cerebras gives two calls the same index with
 * different ids, Mistral and Alibaba send empty ids on later fragments, others leave out index or id.
 */
export class ToolCalls {
  /** True when a call was opened since the flag was last cleared: learnt templates are void. */
  opened = false
  private readonly seed: string
  private readonly byIndex = new Map<number, Slot>()
  private last: Slot | null = null
  private size = 0

  /** `seed` makes the ids that a provider left out. */
  constructor(seed: string) {
    this.seed = seed
  }

  /** One fragment, as the provider sent it, in normal form (a new object). */
  normalise(raw: Json): Json {
    const fn = object(raw['function']) ?? {}
    const id = text(raw['id'])
    const name = text(fn['name'])
    const slot = this.slot(count(raw['index']), id, name)
    const first = slot === null
    const target = slot ?? this.open(count(raw['index']), id)
    const { id: _id, type, index: _index, function: _function, ...rest } = raw
    const call: Json = { index: target.out, ...rest }
    if (first) Object.assign(call, { id: target.id, type: text(type) ?? 'function' })
    if (object(raw['custom']) !== null && raw['function'] === undefined) return call
    delete call['custom']
    const args = argumentText(fn['arguments'])
    target.filled ||= args !== ''
    call['function'] = name !== null && !target.named ? { name, arguments: args } : { arguments: args }
    target.named ||= name !== null
    return call
  }

  private slot(index: number | null, id: string | null, name: string | null): Slot | null {
    if (index !== null) {
      const known = this.byIndex.get(index) ?? null
      return known !== null && id !== null && known.id !== id ? this.byId(id) : known
    }
    if (id !== null) return this.byId(id)
    // Neither index nor id: a name after a complete call begins another one.
    return this.last !== null && name !== null && this.last.named && this.last.filled ? null : this.last
  }

  private byId(id: string): Slot | null {
    for (const slot of this.byIndex.values()) if (slot.id === id) return slot
    return this.last?.id === id ? this.last : null
  }

  private open(index: number | null, id: string | null): Slot {
    const out = this.size++
    const slot = { out, id: id ?? `call_${this.seed}_${out}`, named: false, filled: false }
    this.byIndex.set(index ?? -1 - out, slot)
    this.last = slot
    this.opened = true
    return slot
  }
}

/** Arguments as JSON text; some servers send them parsed. */
export function argumentText(args: unknown): string {
  if (typeof args === 'string') return args
  return args === null || args === undefined ? '' : JSON.stringify(args)
}
