import { type Json, list, object, text } from '../json.ts'

/** `logprobsResult` of a candidate in the hub's (OpenAI's) shape; undefined when it holds none. */
export function decodeLogprobs(result: unknown): Json | undefined {
  const chosen = list(object(result)?.['chosenCandidates'])
  if (chosen.length === 0) return undefined
  const tops = list(object(result)?.['topCandidates'])
  const content = chosen.map((raw, i) => ({
    ...entry(raw),
    top_logprobs: list(object(tops[i])?.['candidates']).map(entry),
  }))
  return { content, refusal: null }
}

function entry(raw: unknown): Json {
  const token = text(object(raw)?.['token']) ?? ''
  return { token, logprob: object(raw)?.['logProbability'] ?? 0, bytes: [...Buffer.from(token)] }
}

/** Log probabilities of the hub as `logprobsResult`; null when there are none. */
export function encodeLogprobs(pieces: readonly unknown[]): Json | null {
  const entries = pieces.flatMap((piece) => list(object(piece)?.['content']))
  if (entries.length === 0) return null
  const told = (raw: unknown): Json => {
    const { token, logprob } = object(raw) ?? {}
    return { token, logProbability: logprob }
  }
  return {
    topCandidates: entries.map((raw) => ({ candidates: list(object(raw)?.['top_logprobs']).map(told) })),
    chosenCandidates: entries.map(told),
  }
}
