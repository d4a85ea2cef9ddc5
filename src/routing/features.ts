import type { ChatMessage, ChatRequest } from '../chat/index.ts'
import type { RequestFeatures } from './plan.types.ts'

/** Characters of the last question that are looked at, from its beginning and from its end. */
const WINDOW = 4_000

/** Certain: fenced blocks, mark-up, traces of errors. */
const SURELY_CODE = /```|<\/?(html|div|script|template)\b|#include\b|\bTraceback \(most|\bstack ?trace\b/i
/** What text seldom has, one point each. */
const LIKE_CODE = [
  /\b(function|def|class|interface|struct|impl|fn|func|public|private|async|await|return|import|const|let|var|select|insert into)\b[^.\n]{0,60}[({=;:]/i,
  /(=>|\{\s*\n|;\s*\n|::|\bgit (diff|commit|rebase)\b|\bnpm (i|run|install)\b|\.(ts|tsx|py|rs|go|java|cpp|cs|rb|php|sql|sh)\b)/,
]
/** Words of the trade, a point for each different one. */
const TRADE =
  /\b(refactor\w*|debug\w*|compil\w+|regex\w*|unit tests?|segfault|codebase|code|coding|bug|pull request|rest api|api|endpoint|sql|json|csv|function|script|class|algorithm|python|typescript|javascript|java|rust|golang|kotlin|swift|c\+\+|react|docker\w*|kubernetes|terraform|bash)\b/gi
/** Points from which a text is about code. */
const CODE_POINTS = 3

const MATH =
  /\\(frac|int|sum|sqrt|begin\{)|[∫∑√∂∀∃≤≥≈∞π]|\b(prove|proof|theorem|lemma|integral|derivative|eigenvalue|equation|polynomial|probability that|solve for|step by step|beweise|démontr|demuestra)\b|\d\s*[\^*/]\s*\(?\d/i
const TRANSLATION =
  /\b(translat\w*|übersetz\w*|tradu[izc]\w*|traduis\w*|vertaal\w*|tłumacz\w*|переве\w*)|翻[译訳譯]|번역|ترجم/i

/**
 * Reads from a request what the classifier of `openrouter/auto` goes by: counts and signs in the last question, never
 * the meaning of a text. Looks at 8,000 characters at most.
 */
export function featuresOf(chat: ChatRequest): RequestFeatures {
  const messages = chat.messages()
  const ask = lastQuestion(messages)
  const text = ask.length > 2 * WINDOW ? `${ask.slice(0, WINDOW)}\n${ask.slice(-WINDOW)}` : ask
  return {
    askTokens: Math.ceil(ask.length / 4),
    turns: messages.filter(({ role }) => role === 'user' || role === 'assistant').length,
    tools: chat.parameters.includes('tools') ? chat.tools().length : 0,
    schema: chat.parameters.includes('response_format') || chat.parameters.includes('structured_outputs'),
    code: isCode(text),
    math: MATH.test(text),
    translation: TRANSLATION.test(text),
    foreign: foreignShare(text),
    effort: effortOf(chat),
  }
}

function isCode(text: string): boolean {
  if (SURELY_CODE.test(text)) return true
  const words = new Set(text.match(TRADE)?.map((word) => word.toLowerCase()))
  return words.size + LIKE_CODE.filter((pattern) => pattern.test(text)).length >= CODE_POINTS
}

/** The text of the last message of the user. */
function lastQuestion(messages: readonly ChatMessage[]): string {
  for (let i = messages.length - 1; i >= 0; i--) {
    const message = messages[i]!
    if (message.role !== 'user') continue
    const text = message.content.map((part) => (part.kind === 'text' ? part.text : '')).join('\n')
    if (text.trim() !== '') return text
  }
  return ''
}

function foreignShare(text: string): number {
  let letters = 0
  let foreign = 0
  for (const [word] of text.matchAll(/\p{L}+/gu)) {
    letters += word.length
    if (!/\p{Script=Latin}/u.test(word)) foreign += word.length
  }
  return letters === 0 ? 0 : foreign / letters
}

function effortOf({ reasoning }: ChatRequest): string | null {
  if (reasoning === null) return null
  if (reasoning.effort !== undefined) return reasoning.effort
  if (reasoning.maxTokens !== undefined) return reasoning.maxTokens > 8_000 ? 'high' : 'medium'
  return reasoning.enabled === true ? 'medium' : null
}
