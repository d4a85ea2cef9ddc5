import type { Block, BlockDelta, ChatEvent } from '../chat/index.ts'

/** Most delivered text that is kept, bytes; an answer beyond it can't be gone on with elsewhere. */
const MAX_KEPT_BYTES = 256 * 1024

/** A block that the client has been told the beginning of, by its number in the hub. */
export interface OpenBlock {
  readonly kind: 'text' | 'reasoning'
  readonly index: number
}

/**
 * What a client has been given of an answer, so that another endpoint can go on with it: the pieces of text as they came,
 * and whether the answer is at a point where that is sound. It is not inside a tool call or signed reasoning, after what
 * only its own provider could have said (media, refusals, signed text), or beyond 256 KiB.
 */
export class Kept {
  private pieces: string[] = []
  private length = 0
  private lost = false
  /** The open reasoning belongs to a family that signs what it thinks. */
  private signed = false
  private readonly decode: (pieces: string) => string
  open: OpenBlock | null = null
  /** Number of the next block. */
  size = 0

  /** `decode` turns all pieces, joined, into their text, where they are kept as a wire spells them. */
  constructor(decode: (pieces: string) => string = (pieces) => pieces) {
    this.decode = decode
  }

  /** The text so far, or null when no other endpoint can go on from here. */
  get text(): string | null {
    if (this.lost || (this.open?.kind === 'reasoning' && this.signed)) return null
    const text = this.decode(this.pieces.join(''))
    return Buffer.byteLength(text) > MAX_KEPT_BYTES ? null : text
  }

  see(event: ChatEvent): void {
    if ('choice' in event && (event.choice ?? 0) !== 0) this.lose()
    else if (event.type === 'block-start') this.start(event.index, event.block)
    else if (event.type === 'block-delta') this.delta(event.delta)
    else if (event.type === 'block-stop') {
      if (this.open?.index === event.index) this.open = null
    } else if (event.type === 'opaque') this.lose()
  }

  begin(kind: OpenBlock['kind'], index: number, signed = false): void {
    this.open = { kind, index }
    this.size = Math.max(this.size, index + 1)
    this.signed = signed
  }

  add(piece: string): void {
    if (this.lost) return
    this.length += piece.length
    if (this.length > MAX_KEPT_BYTES) this.lose()
    else this.pieces.push(piece)
  }

  lose(): void {
    this.lost = true
    this.pieces = []
  }

  private start(index: number, block: Block): void {
    if (block.kind === 'text') this.begin('text', index)
    else if (block.kind === 'reasoning') this.begin('reasoning', index, isSigned(block.format))
    else {
      this.open = null
      this.size = Math.max(this.size, index + 1)
      this.lose()
    }
  }

  private delta(delta: BlockDelta): void {
    if (delta.kind === 'text') this.add(delta.text)
    else if (delta.kind === 'signature' || delta.kind === 'encrypted') {
      if (this.open?.kind === 'reasoning') this.signed = true
      else this.lose()
    } else if (delta.kind !== 'reasoning') this.lose()
  }
}

/** Families name their format because their reasoning comes back sealed; open models have none. */
function isSigned(format: string | undefined): boolean {
  return format !== undefined && format !== 'unknown'
}
