import { chat } from './chat.ts'
import { completions } from './completions.ts'
import { gemini } from './gemini.ts'
import { messages } from './messages.ts'
import { responses } from './responses.ts'
import type { ClientSurface } from './surface.ts'

export type { ClientSurface, Question } from './surface.ts'

/** Every format of answers in words. */
export const SURFACES: readonly ClientSurface[] = [chat, messages, responses, gemini, completions]
