import { z } from 'zod'
import { type ChatRequest, GatewayError } from '../../chat/index.ts'
import { dialect } from '../../dialects/index.ts'
import type { ApiKey } from '../../identity/index.ts'
import type { Gateway, RouteContext } from '../gateway.ts'
import { bytesOf } from '../tokens.ts'
import { explained } from '../v1/route-explain.ts'
import { readBody } from '../validate.ts'

const Explain = z.strictObject({
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

/** `POST /admin/route/explain`: where a request of this kind would go and why; planned as a real one, nothing is sent. */
export async function explainRoute(gateway: Gateway, c: RouteContext): Promise<Response> {
  const body = await readBody(gateway, c, Explain)
  const key = body.key === null ? null : keyNamed(gateway, body.key)
  return c.json({ data: explained(gateway, key, chatOf(body), null) })
}

/** A chat request of that kind: everything but its sizes and what it uses is read from a body as any client's would be. */
function chatOf(body: z.infer<typeof Explain>): ChatRequest {
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
    parameters: [...new Set([...chat.parameters, ...body.parameters])],
    inputModalities: body.input_modalities,
    outputModalities: body.output_modalities,
    promptBytes: bytesOf(body.prompt_tokens),
    maxOutputTokens: body.max_tokens,
  }
}

function keyNamed(gateway: Gateway, name: string): ApiKey {
  const found = gateway.keys.list('default').filter((key) => key.name === name || key.hash.startsWith(name))
  if (found.length === 1) return found[0]!
  const what = found.length === 0 ? `No key is named "${name}"` : `"${name}" names several keys`
  throw new GatewayError('not_found', `${what}. List them with: waybill keys list`)
}
