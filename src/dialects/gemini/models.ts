/** How a model is asked to reason: by level (Gemini 3 and later), by a budget of tokens (2.5), or not at all. */
export type Thinking =
  | { readonly by: 'level'; readonly levels: readonly Level[] }
  | { readonly by: 'budget'; readonly min: number; readonly max: number; readonly canStop: boolean }
  | { readonly by: 'none' }

export const LEVELS = ['minimal', 'low', 'medium', 'high'] as const
export type Level = (typeof LEVELS)[number]

export interface Traits {
  readonly thinking: Thinking
  /** Takes tools beside an answer in JSON, and media inside results of tools; refuses calls whose signature is missing. */
  readonly third: boolean
}

const NONE: Thinking = { by: 'none' }

/**
 * What is known of a model by its name at Google. Sources: Google's pages on thinking, thought signatures and structured
 * output (2026-08). Names that end in `-latest` stand for the third generation by now.
 */
export function traitsOf(upstreamId: string): Traits {
  const name = upstreamId.slice(upstreamId.lastIndexOf('/') + 1).toLowerCase()
  const version = /^gemini-(\d+)(?:\.(\d+))?/.exec(name)
  const third = version === null ? /^gemini-.*-latest$/.test(name) : Number(version[1]) >= 3
  if (/embedding|-tts|-live|native-audio/.test(name)) return { thinking: NONE, third }
  if (third) return { thinking: { by: 'level', levels: levelsOf(name) }, third }
  if (version?.[1] !== '2' || version[2] !== '5' || name.includes('-image')) return { thinking: NONE, third }
  return { thinking: budgetOf(name), third }
}

function levelsOf(name: string): readonly Level[] {
  if (/^gemini-3-pro/.test(name)) return ['low', 'high']
  return name.includes('-pro') ? ['low', 'medium', 'high'] : LEVELS
}

function budgetOf(name: string): Thinking {
  if (name.includes('-pro')) return { by: 'budget', min: 128, max: 32_768, canStop: false }
  return { by: 'budget', min: name.includes('-lite') ? 512 : 1, max: 24_576, canStop: true }
}
