/** Keys and indexes from the root of the file to a value. */
export type Path = readonly (string | number)[]

export interface Place {
  /** From 1. */
  readonly line: number
  readonly column: number
}

/** Something to be said about the configuration: cause and fix in one or two sentences, never with a secret in it. */
export interface Problem {
  /** `waybill.yaml:4:9`, `WAYBILL_PORT`, `--port`. */
  readonly where: string
  readonly message: string
  /** Set when it is about the file. */
  readonly place: Place | null
  /** Dotted, e.g. `providers.openai.api_key`; empty for the whole. */
  readonly path: string
}

/** One line for a terminal or a log. */
export function formatProblem(problem: Problem): string {
  return `${problem.where}: ${problem.message}`
}

/** `providers.my-vllm.models[0].id`. */
export function pathText(path: Path): string {
  let text = ''
  for (const step of path) {
    if (typeof step === 'number') text += `[${step}]`
    else text += text === '' ? step : `.${step}`
  }
  return text
}
