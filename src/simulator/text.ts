/** Stands at the beginning of every simulated text, so that nobody takes it for a model's. */
export const MARKER = '[simulated]'

const LOREM =
  'lorem ipsum dolor sit amet consectetur adipiscing elit sed do eiusmod tempor incididunt ut labore et dolore magna aliqua ut enim ad minim veniam quis nostrud exercitation ullamco laboris nisi ut aliquip ex ea commodo consequat'.split(
    ' ',
  )

/** Cuts a text into pieces of about the size of tokens: at most six characters, a space going with what follows it. */
export function tokensOf(text: string): string[] {
  return text.match(/\s?[^\s]{1,6}|\s/gu) ?? []
}

/** Tokens that a text of a prompt is taken to have: a quarter of its UTF-8 bytes, rounded up. */
export function estimateTokens(text: string): number {
  return Math.ceil(Buffer.byteLength(text) / 4)
}

/** Filler text of exactly `count` tokens. */
export function lorem(count: number): string[] {
  const tokens = tokensOf(MARKER)
  for (let i = 0; tokens.length < count; i++) tokens.push(...tokensOf(` ${LOREM[i % LOREM.length]}`))
  return tokens.slice(0, count)
}

/** A name for a text, the same on every run: 64 bits, hex. */
export function fingerprint(text: string): string {
  let a = 0x811c9dc5
  let b = 0x9e3779b9
  for (let i = 0; i < text.length; i++) {
    a = Math.imul(a ^ text.charCodeAt(i), 0x01000193)
    b = Math.imul(b ^ text.charCodeAt(i), 0x85ebca6b) + 1
  }
  const hex = (n: number): string => (n >>> 0).toString(16).padStart(8, '0')
  return hex(a) + hex(b)
}
