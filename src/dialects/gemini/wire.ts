import type { Json } from '../json.ts'

/** Id of this wire format. */
export const DIALECT = 'gemini'

/** Name under which Google's signed reasoning travels (`reasoning_details[].format`). */
export const GOOGLE_FORMAT = 'google-gemini-v1'

/** One turn of a conversation. */
export interface WireContent extends Json {
  role: 'user' | 'model'
  parts: Json[]
}

/** A member by its JSON name or, as Google's servers take it too, by its name in the protocol buffer (`max_output_tokens`). */
export function field(source: Json | null | undefined, name: string): unknown {
  if (source === null || source === undefined) return undefined
  return source[name] ?? source[snake(name)]
}

const snake = (name: string): string => name.replace(/[A-Z]/g, (letter) => `_${letter.toLowerCase()}`)
const camel = (name: string): string => name.replace(/_([a-z])/g, (_, letter: string) => letter.toUpperCase())

/** The JSON name of a member in either spelling. */
export const jsonName = (name: string): string => (name.includes('_') ? camel(name) : name)

/** What Google's own tool for running code is called in the hub. */
export const CODE_TOOL = 'code_execution'
