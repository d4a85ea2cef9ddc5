import type { Dropped } from '../../chat/index.ts'

/** Collects what a target cannot take; each parameter is named once for each reason. */
export class Drops {
  readonly list: Dropped[] = []

  add(parameter: string, reason: string): void {
    const known = this.list.some((it) => it.parameter === parameter && it.reason === reason)
    if (!known) this.list.push({ parameter, reason })
  }
}
