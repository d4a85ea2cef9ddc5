import { chat } from './chat.ts'
import { completions } from './completions.ts'
import { gemini } from './gemini.ts'
import { geminiArray } from './gemini-array.ts'
import { messages } from './messages.ts'
import { responses } from './responses.ts'
import type { ClientSurface } from './surface.ts'

export type { ClientSurface, Question } from './surface.ts'

/** Every format of answers in words, and nothing but the format. */
export const SURFACES: readonly ClientSurface[] = [chat, messages, responses, gemini, completions]

/** Every way in which a client may be answered over HTTP. */
export const WAYS: readonly ClientSurface[] = [...SURFACES.slice(0, 4), geminiArray, completions]
