import type { Step } from '../../upstream/step.ts'

// biome-ignore lint/suspicious/noExplicitAny: bodies of four formats, read as loosely as a script would
export type Loose = any

/** What a scripted model is asked, whatever the format of its provider. */
export interface Asked {
  readonly stream: boolean
  /** Names of the tools that are offered, each with its type where the format has several. */
  readonly tools: ReadonlyMap<string, string>
  /** What the tools that were called so far gave back, in order, as text. */
  readonly results: readonly string[]
}

/** A call of a tool; a tool that takes free text has a string as its input. */
export interface Call {
  readonly name: string
  readonly input: object | string
}

/** What the model answers: some text, or calls at the same time; a thought before either. */
export interface Said {
  readonly thought?: string
  readonly text?: string
  readonly calls?: readonly Call[]
}

/** A format that providers speak. */
export interface Format {
  /** null: not a question to the model but one for a count of tokens. */
  read(body: Loose, path: string): Asked | null
  /** Why a provider of this format would refuse the request; null when it would take it. */
  refuse(body: Loose, header: (name: string) => string): string | null
  write(said: Said, stream: boolean, nth: number): Step
  refusal(sentence: string): Step
  count(): Step
}

/** What each provider bills for one answer, in tokens. */
export const BILLED = { prompt: 1000, completion: 50 } as const

/** What providers count where they are asked to. */
export const COUNTED = 4711

/** A provider's seal on a thought: its client has to bring it back as it was. */
export const SEAL = 'c2VhbC1vZi1hLXRob3VnaHQtdGhhdC1jb21lcy1iYWNr'

/** Text in the small pieces of a stream. */
export const pieces = (text: string): string[] => text.match(/.{1,9}/gs) ?? []

export const flat = (content: Loose): string =>
  typeof content === 'string' ? content : JSON.stringify(content ?? '')

/** An event with its type as its name. */
export const named = (it: { readonly type: string; readonly [field: string]: unknown }): string =>
  `event: ${it.type}\ndata: ${JSON.stringify(it)}\n\n`

const TOOL_NAME = /^[a-zA-Z0-9_-]{1,64}$/

/** The first field of a body that is not among `known`, as a sentence. */
export function unknownField(body: Loose, known: readonly string[]): string | null {
  const field = Object.keys(body).find((name) => !known.includes(name))
  return field === undefined ? null : `${field}: unknown field`
}

/** A tool with a name or schema that no provider takes, as a sentence. */
export function badTool(tools: readonly { name: string; schema: Loose }[]): string | null {
  for (const { name, schema } of tools) {
    if (!TOOL_NAME.test(name)) return `tools: "${name}" is not a name`
    if (schema !== undefined && schema?.type !== 'object')
      return `tools: the schema of ${name} is not an object`
  }
  const twice = tools.find(({ name }, i) => tools.findIndex((it) => it.name === name) !== i)
  return twice === undefined ? null : `tools: ${twice.name} stands there twice`
}

/** Whether each call has its result right where it belongs; `turns` are lists of call ids and of answered ids, in order. */
export function unanswered(
  turns: readonly { readonly calls?: readonly string[]; readonly results?: readonly string[] }[],
): string | null {
  let open: string[] = []
  for (const { calls = [], results = [] } of turns) {
    for (const id of results) {
      if (!open.includes(id)) return `the result of ${id} follows no call`
      open = open.filter((it) => it !== id)
    }
    if (results.length === 0 && open.length > 0) return `the call ${open[0]} has no result`
    open.push(...calls)
  }
  return open.length > 0 ? `the call ${open[0]} has no result` : null
}
