import type { ContentPart, Dropped } from '../../chat/index.ts'

/** Collects what a target could not take; each parameter is named once for each reason. */
export class Drops {
  readonly list: Dropped[] = []

  add(parameter: string, reason: string): void {
    const known = this.list.some((it) => it.parameter === parameter && it.reason === reason)
    if (!known) this.list.push({ parameter, reason })
  }

  /** Google signs texts and calls as well, which no other provider can read. */
  foreignSignatures(content: readonly ContentPart[]): void {
    const signed = (part: ContentPart) =>
      (part.kind === 'text' || part.kind === 'tool-call') && part.signature !== undefined
    if (content.some(signed)) this.add('signature', 'it belongs to another provider')
  }
}
