/** A string literal of a source text: where its opening quote stands, and what is between the quotes. */
export interface Literal {
  readonly at: number
  readonly value: string
}

/** Words after which a slash begins a regular expression, not a division. */
const BEFORE_REGEX = /(?:^|[^\w$.])(?:return|typeof|case|in|of|do|else|void|delete|throw|new|await|yield)$/

const blank = (text: string) => text.replace(/[^\n]/g, ' ')

function endOfString(text: string, from: number): number {
  const quote = text[from]
  for (let at = from + 1; at < text.length; at++) {
    if (text[at] === quote) return at + 1
    if (text[at] === '\\') at++
    else if (text[at] === '\n') return at
  }
  return text.length
}

function endOfRegex(text: string, from: number): number {
  let inClass = false
  for (let at = from + 1; at < text.length && text[at] !== '\n'; at++) {
    if (text[at] === '\\') at++
    else if (text[at] === '[') inClass = true
    else if (text[at] === ']') inClass = false
    else if (text[at] === '/' && !inClass) return at + 1
  }
  return from + 1
}

/** The end of a template's text: just behind its closing backtick or behind the `${` of a hole. */
function endOfTemplateText(text: string, from: number): number {
  for (let at = from; at < text.length; at++) {
    if (text[at] === '\\') at++
    else if (text[at] === '`') return at + 1
    else if (text.startsWith('${', at)) return at + 2
  }
  return text.length
}

/** The end of what begins at `at` and is no code (a comment, a regular expression), or `at`. */
function endOfNoise(text: string, at: number, before: string): number {
  if (text[at] !== '/') return at
  if (text[at + 1] === '/') return text.indexOf('\n', at) < 0 ? text.length : text.indexOf('\n', at)
  if (text[at + 1] === '*')
    return text.indexOf('*/', at + 2) < 0 ? text.length : text.indexOf('*/', at + 2) + 2
  const code = before.trimEnd()
  const operand = /[\w$)\]'"`]$/.test(code) && !BEFORE_REGEX.test(code)
  return operand ? at : endOfRegex(text, at)
}

/**
 * The code of a JavaScript or TypeScript text: comments, regular expressions and the insides of strings and templates
 * are blanks, everything else stands where it stood (same length, same lines). With it the string literals.
 */
export function mask(text: string): { code: string; literals: Literal[] } {
  const literals: Literal[] = []
  // For every open `${`: how many braces are open in it.
  const holes: number[] = []
  let code = ''
  const skipTo = (end: number) => {
    code += blank(text.slice(code.length, end))
  }
  while (code.length < text.length) {
    const at = code.length
    const char = text[at]!
    const noiseEnd = endOfNoise(text, at, code.slice(-40))
    if (noiseEnd > at) skipTo(noiseEnd)
    else if (char === "'" || char === '"') {
      code += char
      const end = endOfString(text, at)
      if (text[end - 1] !== char || end === at + 1) continue
      literals.push({ at, value: text.slice(at + 1, end - 1) })
      skipTo(end - 1)
      code += char
    } else if (char === '`' || (char === '}' && holes.at(-1) === 0)) {
      if (char === '}') holes.pop()
      const end = endOfTemplateText(text, at + 1)
      if (text[end - 1] === '{') holes.push(0)
      skipTo(end)
    } else {
      if (holes.length > 0 && char === '{') holes[holes.length - 1]!++
      if (holes.length > 0 && char === '}') holes[holes.length - 1]!--
      code += char
    }
  }
  return { code, literals }
}
