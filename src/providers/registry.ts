import type { AssistantPrefix } from '../dialects/index.ts'
import { definitions } from './index.generated.ts'
import { defineProvider, type ProviderDefinition } from './provider.ts'

/** Every provider known from the start, in the order of their ids. */
export const providers: readonly ProviderDefinition[] = definitions

const byName = new Map<string, ProviderDefinition>()
for (const definition of definitions) {
  for (const name of [definition.id, ...definition.aliases]) byName.set(name, definition)
}

/** Finds a provider by its id or one of its other names; undefined when unknown. */
export function findProvider(name: string): ProviderDefinition | undefined {
  return byName.get(name.toLowerCase())
}

/** A provider's slug in its usual spelling: lower case, under the provider's id (`Bedrock/us` is `amazon-bedrock/us`). */
export function providerSlug(text: string): string {
  const [name = '', ...below] = text.trim().toLowerCase().split('/')
  return [findProvider(name)?.id ?? name, ...below].join('/')
}

/** Every id and every other name: for suggestions. */
export function providerNames(): string[] {
  return [...byName.keys()]
}

/** The wire format in which the provider is asked for the model that it calls `upstreamId`. */
export function dialectOf({ dialect, dialects }: ProviderDefinition, upstreamId: string): string {
  return dialects.find(([models]) => models.test(upstreamId))?.[1] ?? dialect
}

/** Ways to tell a provider that it goes on with an assistant's message (quirk `assistantPrefix`). */
export const ASSISTANT_PREFIXES = [
  'plain',
  'prefix',
  'partial',
  'continue_final_message',
] as const satisfies readonly AssistantPrefix[]

/** Wire formats that a provider of one's own may name. */
export const DIALECTS = [
  'openai-chat',
  'openai-responses',
  'anthropic-messages',
  'gemini',
  'bedrock-converse',
  'bedrock-invoke',
  'cohere',
  'vertex-messages',
] as const

/** A provider of one's own: reached at its address, key optional, no quirks assumed. */
export function ownProvider(id: string, dialect: string, baseUrl: string): ProviderDefinition {
  const anthropic = dialect === 'anthropic-messages'
  const gemini = dialect === 'gemini'
  return defineProvider(id, id, {
    about: [new URL(baseUrl).origin],
    dialect,
    baseUrl,
    auth: anthropic
      ? { kind: 'header', name: 'x-api-key' }
      : gemini
        ? { kind: 'header', name: 'x-goog-api-key' }
        : { kind: 'optional-bearer' },
    env: [],
    // A server of one's own stops when nobody listens, and nobody bills for what it would have written.
    cancelStopsBilling: true,
    local: true,
    probe: anthropic ? '/v1/models' : gemini ? '/v1beta/models' : '/models',
  })
}
