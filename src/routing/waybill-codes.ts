import type { ErrorCode } from '../chat/index.ts'
import type { ExclusionReason, Route } from './plan.types.ts'

// Letters and numbers that stored waybills are written in: they are added to, and never change their meaning.

/** Reasons to leave a candidate out. `.` stands for eligible. */
const REASON_LETTERS: Record<ExclusionReason, string> = {
  no_credential: 'c',
  no_dialect: 'd',
  unknown_price: 'u',
  context_length: 'l',
  max_output: 'm',
  input_modality: 'i',
  output_modality: 'o',
  require_parameters: 'r',
  max_price: 'p',
  only: 'n',
  ignore: 'g',
  order_without_fallbacks: 'f',
  quantization: 'q',
  data_policy: 'z',
  key_policy: 'k',
  service_tier: 't',
  distillation: 'e',
  simulated: 's',
}

/** The same in words, for waybills read back: without the figures, which are not stored. */
const REASON_WORDS: Record<ExclusionReason, string> = {
  no_credential: 'no key for this provider',
  no_dialect: 'speaks a format that this gateway does not',
  unknown_price: 'its price is not known, and the request needs one',
  context_length: 'prompt and output do not fit into its context',
  max_output: 'gives fewer tokens than are asked for',
  input_modality: 'does not take a kind of input of the request',
  output_modality: 'does not give the output that is asked for',
  require_parameters: 'does not take a parameter, and require_parameters is set',
  max_price: 'costs more than max_price',
  only: 'not in provider.only',
  ignore: 'named in provider.ignore',
  order_without_fallbacks: 'not first, and allow_fallbacks is false',
  quantization: 'not in provider.quantizations',
  data_policy: 'its data policy does not fit the request, or is not known',
  key_policy: 'a list of the key or the installation leaves it out',
  service_tier: 'serves another service_tier',
  distillation: 'its license does not allow training on answers, or is not known',
  simulated: 'simulated and real endpoints do not mix',
}

/** Why an endpoint stands where it stands, in the planner's own words. */
const NOTES: Readonly<Record<string, string>> = {
  D: 'drawn by price',
  p: 'by price',
  o: 'provider.order',
  a: 'after provider.order',
  c: 'cooling down after a rate limit',
  b: 'breaker open after failures',
  h: 'probe after failures',
  s: 'slower than preferred',
  l: 'does not take a parameter of the request',
  x: 'outage in the last 30 s',
  u: 'uptime below 80 %',
  v: 'uptime below 95 %',
  t: 'by throughput',
  T: 'throughput not measured yet',
  y: 'by latency',
  Y: 'latency not measured yet',
  q: 'by quality',
  k: 'kept for the prompt cache',
  r: 'far slower than its peers',
  f: 'the request may not fit',
  F: 'stands in by the configuration',
}
const NOTE_LETTERS = new Map(Object.entries(NOTES).map(([letter, note]) => [note, letter]))

const REASONS = new Map(
  Object.entries(REASON_LETTERS).map(([reason, letter]) => [letter, reason as ExclusionReason]),
)

/** How a try ended. */
const OUTCOMES: Record<ErrorCode | 'ok' | 'cancelled' | 'failed', number> = {
  ok: 0,
  cancelled: 1,
  failed: 2,
  invalid_request: 3,
  invalid_model: 4,
  context_length_exceeded: 5,
  max_tokens_exceeded: 6,
  content_policy_violation: 7,
  authentication: 8,
  payment_required: 9,
  permission_denied: 10,
  moderation: 11,
  not_found: 12,
  no_endpoints: 13,
  method_not_allowed: 14,
  request_timeout: 15,
  conflict: 16,
  payload_too_large: 17,
  unprocessable: 18,
  rate_limit_exceeded: 19,
  not_implemented: 20,
  server: 21,
  unavailable: 22,
  loop_detected: 23,
  provider_auth: 24,
  provider_payment: 25,
  provider_not_found: 26,
  provider_unavailable: 27,
  provider_protocol: 28,
  provider_overloaded: 29,
  provider_timeout: 30,
  provider_cut: 31,
  answer_diverged: 32,
}
const OUTCOME_NAMES = new Map(Object.entries(OUTCOMES).map(([name, code]) => [code, name]))

/** Ways in which an answer that broke off was carried on by another try. */
const SEAMS = ['continue', 'restart'] as const
export type Seam = (typeof SEAMS)[number]

/** How a name led to models. */
const VIA_LETTERS: Record<Route['via'], string> = {
  direct: 'd',
  alias: 'a',
  latest: 'l',
  auto: 'r',
  free: 'f',
}
const VIAS = new Map(Object.entries(VIA_LETTERS).map(([via, letter]) => [letter, via as Route['via']]))

export function viaLetter(via: Route['via']): string {
  return VIA_LETTERS[via]
}

/** The inverse of `viaLetter`; null for letters of a later version. */
export function viaOf(letter: string): Route['via'] | null {
  return VIAS.get(letter) ?? null
}

/** A letter for why a candidate was left out; `.` when it was not. */
export function reasonLetter(excluded: ExclusionReason | null): string {
  return excluded === null ? '.' : REASON_LETTERS[excluded]
}

/** The inverse of `reasonLetter`; null for `.` and for letters of a later version. */
export function reasonOf(letter: string): ExclusionReason | null {
  return REASONS.get(letter) ?? null
}

export function reasonWords(reason: ExclusionReason): string {
  return REASON_WORDS[reason]
}

/** A letter for a planner's note; `?` when it has none. */
export function noteLetter(note: string): string {
  return NOTE_LETTERS.get(note) ?? '?'
}

/** The inverse of `noteLetter`; null for what has no words. */
export function noteOf(letter: string): string | null {
  return NOTES[letter] ?? null
}

/** A number for how a try ended: `ok`, `cancelled` or an error code; others count as `failed`. */
export function outcomeCode(outcome: string): number {
  return OUTCOMES[outcome as keyof typeof OUTCOMES] ?? OUTCOMES.failed
}

export function outcomeOf(code: number): string {
  return OUTCOME_NAMES.get(code) ?? 'failed'
}

/** 1 and 2 for the ways of carrying on, 0 for none. */
export function seamCode(seam: Seam | null | undefined): number {
  return seam == null ? 0 : SEAMS.indexOf(seam) + 1
}

export function seamOf(code: number | undefined): Seam | null {
  return code === undefined ? null : (SEAMS[code - 1] ?? null)
}

/** `aaab` → `3ab`; signs are any characters but digits. */
export function runLengths(signs: string): string {
  let out = ''
  let from = 0
  for (let i = 1; i <= signs.length; i++) {
    if (i < signs.length && signs.charCodeAt(i) === signs.charCodeAt(from)) continue
    out += i - from === 1 ? signs[from] : `${i - from}${signs[from]}`
    from = i
  }
  return out
}

/** The inverse of `runLengths`. */
export function expandRuns(runs: string): string {
  return runs.replace(/(\d+)(\D)/g, (_, n: string, sign: string) => sign.repeat(Math.min(Number(n), 10_000)))
}
