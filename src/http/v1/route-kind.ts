import { z } from 'zod'
import type { ChatRequest } from '../../chat/index.ts'
import { dialect } from '../../dialects/index.ts'
import { bytesOf } from '../tokens.ts'
import { checked } from '../validate.ts'

/** A kind of request: what routing looks at, without a conversation. */
const Kind = z.strictObject({
  models: z.array(z.string().min(1).max(256)).min(1).max(16),
  /** Tokens of the prompt. */
  prompt_tokens: z.number().int().min(0).max(100_000_000).default(1000),
  max_tokens: z.number().int().min(1).max(100_000_000).nullable().default(null),
  stream: z.boolean().default(true),
  parameters: z.array(z.string().max(64)).max(64).default([]),
  input_modalities: z
    .array(z.enum(['text', 'image', 'file', 'audio', 'video']))
    .max(8)
    .default(['text']),
  output_modalities: z.array(z.string().max(32)).max(8).default(['text']),
  /** The `provider` object of a chat request. */
  provider: z.looseObject({}).default({}),
  service_tier: z.string().max(32).nullable().default(null),
  /** Plan as for this key, by name, hash or the beginning of the hash. */
  key: z.string().min(1).max(256).nullable().default(null),
})

/**
 * A chat request of that kind: everything but its sizes and what it uses is read from a body as any client's would be.
 * `key` names the one to plan for, by name, hash or the beginning of the hash. Throws GatewayError `invalid_request`.
 */
export function requestOfKind(body: unknown): { chat: ChatRequest; key: string | null } {
  const { key, ...kind } = checked(body, Kind)
  return { chat: chatOf(kind), key }
}

function chatOf(body: Omit<z.infer<typeof Kind>, 'key'>): ChatRequest {
  const wire = {
    models: body.models,
    messages: [{ role: 'user', content: 'x' }],
    stream: body.stream,
    provider: body.provider,
    ...(body.service_tier !== null && { service_tier: body.service_tier }),
  }
  const chat = dialect('openai-chat')!.decodeRequest(wire, { path: '/chat/completions', query: '' })
  return {
    ...chat,
    parameters: [
      ...new Set([
        ...chat.parameters,
        ...body.parameters,
        ...(body.max_tokens === null ? [] : ['max_tokens']),
      ]),
    ],
    inputModalities: body.input_modalities,
    outputModalities: body.output_modalities,
    promptBytes: bytesOf(body.prompt_tokens),
    maxOutputTokens: body.max_tokens,
  }
}
