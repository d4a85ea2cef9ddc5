import type { ChatRequest } from '../chat/index.ts'

/** Bytes of English text or code that make a token, on average over the common tokenizers. */
const BYTES_PER_TOKEN = 4
/** What an image or a page may count for, tokens: above the largest figure that OpenAI, Anthropic and Google document for one image. */
const TOKENS_PER_MEDIA = 3000
/** Role marks and the like around the messages, tokens. */
const ENVELOPE = 64

/** Tokens of so many UTF-8 bytes of text: what routing compares with a context, and what is billed (marked) when a provider reports nothing. */
export function estimateTokens(bytes: number): number {
  return Math.ceil(bytes / BYTES_PER_TOKEN)
}

/** Bytes of text that `estimateTokens` takes for so many tokens. */
export function bytesOf(tokens: number): number {
  return tokens * BYTES_PER_TOKEN
}

/** Likely tokens of a prompt. */
export function promptTokens(chat: ChatRequest): number {
  return estimateTokens(chat.promptBytes) + chat.mediaParts * 1000
}

/** Likely tokens that a request needs of a context: inputs to embed do not share one. */
export function contextTokens(chat: ChatRequest): number {
  return chat.longestInputBytes === undefined ? promptTokens(chat) : estimateTokens(chat.longestInputBytes)
}

/** Tokens that a prompt hardly exceeds, for the hold of a stream: the estimate and a fifth more. */
export function likelyTokens(chat: ChatRequest): number {
  return Math.ceil(promptTokens(chat) * 1.2) + ENVELOPE
}

/**
 * Tokens that a prompt has at most, for the hold: half its bytes (English has a quarter, Chinese and base64 about a
 * third) plus an allowance for media. What a provider bills beyond it is written off, never charged beyond the cap.
 */
export function upperTokens(chat: ChatRequest): number {
  return Math.ceil(chat.promptBytes / 2) + ENVELOPE + chat.mediaParts * TOKENS_PER_MEDIA
}
