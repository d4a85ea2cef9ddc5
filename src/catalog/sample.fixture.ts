import type { Endpoint, Model } from './catalog.ts'
import { readTariff, type TariffText } from './tariff.ts'

/** A model of the tests. */
export function model(id: string, more: Partial<Model> = {}): Model {
  return {
    id,
    canonicalSlug: id,
    name: id,
    description: `About ${id}.`,
    created: 1_700_000_000,
    contextLength: 100_000,
    maxOutput: 8_000,
    inputModalities: ['text'],
    outputModalities: ['text'],
    tokenizer: 'Other',
    instructType: null,
    huggingFaceId: null,
    knowledgeCutoff: null,
    expirationDate: null,
    supportedParameters: ['max_tokens', 'temperature'],
    reasoning: false,
    aliases: [],
    ...more,
  }
}

/** An endpoint of the tests; `price` in pico-USD per token, null when unknown. */
export function endpoint(
  modelId: string,
  tag: string,
  price: TariffText | null,
  more: Partial<Endpoint> = {},
): Endpoint {
  const id = `${modelId}@${tag}`
  const providerId = tag.replace(/\/.*/, '')
  return {
    id,
    modelId,
    providerId,
    providerName: providerId.toUpperCase(),
    tag,
    upstreamId: `${providerId}-${modelId.replace('/', '-')}`,
    dialect: 'openai-chat',
    contextLength: 100_000,
    maxOutput: 8_000,
    maxPrompt: null,
    quantization: 'unknown',
    tariff: price && readTariff(id, price),
    supportedParameters: ['max_tokens', 'temperature'],
    inputModalities: ['text'],
    outputModalities: ['text'],
    implicitCaching: false,
    simulated: false,
    reasoning: false,
    source: { name: 'test', asOf: '2026-11-24' },
    ...more,
  }
}
