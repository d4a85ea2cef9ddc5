import type { Catalog, Resolved } from '../../catalog/index.ts'
import { LINES } from '../../routing/index.ts'
import { architectureBody, type ModelBody, modelBody, UNKNOWN_PRICE } from './model.ts'

const ROUTERS = [
  {
    id: 'openrouter/auto',
    name: 'Auto Router',
    description:
      'Takes each request to a model that its length, tools, code, media and effort ask for; it costs what that model costs.',
    price: UNKNOWN_PRICE,
  },
  {
    id: 'openrouter/free',
    name: 'Free Models Router',
    description: 'Takes each request to one of the models that cost nothing and can take it.',
    price: '0',
  },
] as const

/**
 * Rows of `GET /models` for names that stand for models: the routers, and `~author/family-latest` of the lines that users
 * know, each with the price and the limits of its newest model. They follow the models themselves.
 */
export function virtualModels(catalog: Catalog): ModelBody[] {
  const aliases = LINES.flatMap(([line]) => {
    const alias = `~${line}-latest`
    const newest = catalog.latest.get(alias)
    return newest === undefined ? [] : [aliasBody(alias, newest)]
  })
  return [
    ...ROUTERS.map((router) => routerBody(catalog, router)),
    ...aliases.sort((a, b) => (a.id < b.id ? -1 : 1)),
  ]
}

/** The row of a router; undefined for any other name. */
export function routerModel(catalog: Catalog, name: string): ModelBody | undefined {
  const router = ROUTERS.find(({ id }) => id === name.replace(/^waybill\//, 'openrouter/'))
  return router && routerBody(catalog, router)
}

function aliasBody(alias: string, { model, endpoints }: Resolved): ModelBody {
  return {
    ...modelBody(model, endpoints),
    id: alias,
    canonical_slug: alias,
    name: `${model.name} (latest)`,
    alias_target: { name: model.name, slug: model.id },
  }
}

function routerBody(catalog: Catalog, { id, name, description, price }: (typeof ROUTERS)[number]): ModelBody {
  const real = catalog.all.filter(({ endpoints }) => endpoints.some((endpoint) => !endpoint.simulated))
  const models = real
    .map(({ model }) => model)
    .filter(({ outputModalities }) => outputModalities.includes('text'))
  const union = (read: (model: (typeof models)[number]) => readonly string[]) => [
    ...new Set(models.flatMap(read)),
  ]
  const widest = models.reduce((most, { contextLength }) => Math.max(most, contextLength), 0)
  return {
    id,
    canonical_slug: id,
    hugging_face_id: null,
    name,
    created: 0,
    description,
    context_length: widest || null,
    knowledge_cutoff: null,
    expiration_date: null,
    architecture: architectureBody({
      inputModalities: union((model) => model.inputModalities),
      outputModalities: ['text'],
      tokenizer: 'Router',
      instructType: null,
    }),
    pricing: { prompt: price, completion: price },
    top_provider: { context_length: null, max_completion_tokens: null, is_moderated: false },
    per_request_limits: null,
    supported_parameters: union((model) => model.supportedParameters).sort(),
    default_parameters: null,
    supported_voices: null,
    links: { details: `/api/v1/models/${id}/endpoints` },
  }
}
