import type { Answer, Failure, Json } from '../answer.ts'

/** What is asked for; every surface says it in its own words. */
export interface Question {
  readonly model: string
  readonly stream: boolean
  readonly tools: readonly string[]
  /** Candidates. */
  readonly choices: number
  /** What an answer said before, as its client keeps it; the question then goes on from there. */
  readonly turn?: readonly Json[]
}

/** One format that clients speak: how they ask, and what they make of the answer. */
export interface ClientSurface {
  readonly name: string
  /** Id of the dialect. */
  readonly dialect: string
  readonly header: string
  path(question: Question): string
  body(question: Question): Json
  /** Members of a body that say who answers and how. */
  addressed(question: Question): Json
  /**
   * Reads an answer of status 200; throws where it breaks the format. `own`: the provider speaks the format too, so that
   * its events pass as they are.
   */
  read(body: string, stream: boolean, own: boolean): Answer
  /** The error of an envelope, or of an answer that broke off. */
  failure(body: Json): Pick<Failure, 'status' | 'type'>
  /** The answer as its client sends it back, results of its tools included. */
  turn(body: string, stream: boolean): Json[]
}

/** What is asked, what a tool answers, and how tools are declared. */
export const PROMPT = 'How is the weather?'
export const RESULT = 'sunny'
export const SCHEMA = { type: 'object', properties: {}, additionalProperties: true }

/** Where the body says who answers. */
export const addressed = ({ model, stream }: Question): Json => ({ model, stream })

/** Status that an `error_type` stands for where the envelope has no number. */
export const STATUS_OF: Readonly<Record<string, number>> = {
  invalid_request: 400,
  context_length_exceeded: 400,
  content_policy_violation: 400,
  payload_too_large: 413,
  rate_limit_exceeded: 429,
  provider_unavailable: 502,
  provider_overloaded: 503,
}
