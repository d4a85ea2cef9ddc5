import type { Block, BlockDelta, ChatEvent, Citation, Cost, UpstreamError, Usage } from '../chat/index.ts'

/** A block with all that was added to it. */
export interface FoldedBlock {
  readonly block: Block
  /** Text, reasoning text, or words of a refusal. */
  text: string
  summary: string
  signature: string
  encrypted: string
  /** Arguments of a tool as JSON text. */
  args: string
  results: unknown[]
  urls: string[]
  audio: { data: string; transcript: string; expiresAt: number | null }
}

export interface FoldedChoice {
  readonly blocks: FoldedBlock[]
  readonly citations: Citation[]
  finish: (ChatEvent & { type: 'finish' }) | null
  logprobs: unknown[]
}

/** A whole answer, put together from its events. */
export interface FoldedAnswer {
  start: (ChatEvent & { type: 'start' }) | null
  /** By number of the candidate. */
  readonly choices: Map<number, FoldedChoice>
  usage: Usage | null
  cost: Cost | null
  error: UpstreamError | null
  readonly opaque: (ChatEvent & { type: 'opaque' })[]
}

/** Adds events up; the result does not depend on how an answer was cut into deltas. */
export function fold(events: readonly ChatEvent[]): FoldedAnswer {
  const answer: FoldedAnswer = {
    start: null,
    choices: new Map(),
    usage: null,
    cost: null,
    error: null,
    opaque: [],
  }
  const open = new Map<string, FoldedBlock>()
  for (const event of events) {
    switch (event.type) {
      case 'start':
        answer.start ??= event
        break
      case 'block-start': {
        const folded = emptyBlock(event.block)
        open.set(key(event), folded)
        choiceOf(answer, event.choice).blocks.push(folded)
        break
      }
      case 'block-delta': {
        const folded = open.get(key(event))
        if (folded !== undefined) add(folded, event.delta)
        if (event.logprobs !== undefined) choiceOf(answer, event.choice).logprobs.push(event.logprobs)
        break
      }
      case 'block-stop':
        open.delete(key(event))
        break
      case 'citation':
        choiceOf(answer, event.choice).citations.push(event.citation)
        break
      case 'usage':
        answer.usage = event.usage
        answer.cost = event.cost ?? answer.cost
        break
      case 'finish':
        choiceOf(answer, event.choice).finish = event
        break
      case 'error':
        answer.error ??= event.error
        break
      case 'opaque':
        answer.opaque.push(event)
        break
      default:
        event satisfies never
    }
  }
  return answer
}

const key = (event: { choice?: number; index: number }): string => `${event.choice ?? 0}/${event.index}`

function choiceOf(answer: FoldedAnswer, index = 0): FoldedChoice {
  let choice = answer.choices.get(index)
  if (choice === undefined) {
    choice = { blocks: [], citations: [], finish: null, logprobs: [] }
    answer.choices.set(index, choice)
  }
  return choice
}

const emptyBlock = (block: Block): FoldedBlock => ({
  block,
  text: '',
  summary: '',
  signature: '',
  encrypted: '',
  args: '',
  results: [],
  urls: [],
  audio: { data: '', transcript: '', expiresAt: null },
})

function add(folded: FoldedBlock, delta: BlockDelta): void {
  switch (delta.kind) {
    case 'text':
    case 'refusal':
      folded.text += delta.text
      break
    case 'reasoning':
      if (delta.summary) folded.summary += delta.text
      else folded.text += delta.text
      break
    case 'signature':
      folded.signature += delta.signature
      break
    case 'encrypted':
      folded.encrypted += delta.data
      break
    case 'args':
      folded.args += delta.json
      break
    case 'result':
    case 'opaque':
      folded.results.push(delta.data)
      break
    case 'image':
      folded.urls.push(delta.url)
      break
    case 'audio':
      folded.audio.data += delta.data ?? ''
      folded.audio.transcript += delta.transcript ?? ''
      folded.audio.expiresAt = delta.expiresAt ?? folded.audio.expiresAt
      break
    default:
      delta satisfies never
  }
}
