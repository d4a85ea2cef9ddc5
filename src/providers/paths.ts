import type { PathVariables, Variable } from './provider.ts'

/** Versions that have no date: paths without deployments. */
const AZURE_UNDATED = /^(v1|latest|preview)$/

/** Dates for the two older addresses, where the file names none. */
const AZURE_DEPLOYMENTS = '2025-04-01-preview'
const AZURE_MODELS = '2024-05-01-preview'

/**
 * The ways in which Azure is asked: `/openai/v1`, which serves all models of a resource and takes the deployment from the
 * body; with a dated `api_version` the deployment stands in the path (the Responses API takes it from the body). A base URL
 * may be that of the resource, end in `/openai` or in the deployment, or be the older one of Foundry's models (`/models`).
 * Source: Azure OpenAI's API version lifecycle; Foundry Models endpoints (2026-11).
 */
export function azurePath(
  path: string,
  deployment: string,
  { apiVersion }: PathVariables,
  basePath = '',
): string {
  const version = (usual: string) => `api-version=${apiVersion ?? usual}`
  if (basePath.endsWith('/models')) return `${path}?${version(AZURE_MODELS)}`
  if (/\/deployments\/[^/]+$/.test(basePath)) return `${path}?${version(AZURE_DEPLOYMENTS)}`
  const openai = basePath.endsWith('/openai') ? '' : '/openai'
  if (apiVersion === undefined || AZURE_UNDATED.test(apiVersion)) {
    return `${openai}/v1${path}${apiVersion === 'preview' ? '?api-version=preview' : ''}`
  }
  const inBody = path === '/responses' || path === '/models'
  const below = inBody ? '' : `/deployments/${encodeURIComponent(deployment)}`
  return `${openai}${below}${path}?${version(AZURE_DEPLOYMENTS)}`
}

/**
 * Claude on Bedrock is asked in its own format: Converse has no place for citations of documents, search results, beta
 * features, context management and server tools. All other models, and Claude before the Messages API, go by Converse.
 */
export const bedrockDialects = [[/(?:^|[./])anthropic\.claude-(?!v\d|instant)/, 'bedrock-invoke']] as const

/** Models of Bedrock that are called through an inference profile, and the geographies that have one for them. */
const PROFILED: readonly (readonly [models: RegExp, geographies: readonly string[]])[] = [
  // Claude from 4.5 on: profiles of single countries, and one of the whole world.
  [/^anthropic\.claude-[a-z]+-(?:4-(?:[5-9]|\d\d(?!\d))|[5-9])/, ['us', 'eu', 'jp', 'au', 'global']],
  [/^anthropic\.claude-(?:[a-z]+-4|3-7|3-5-(?:haiku|sonnet-20241022))/, ['us', 'eu', 'apac']],
  [/^amazon\.nova-2/, ['us', 'eu', 'jp', 'global']],
  [/^amazon\.nova-(?:micro|lite|pro|premier)/, ['us', 'eu', 'apac', 'ca']],
  [/^(?:meta\.llama(?:3-[1-3]|4)|deepseek\.r1|writer\.palmyra-x)/, ['us']],
  [/^mistral\.pixtral-large/, ['us', 'eu']],
  [/^cohere\.embed-v4/, ['us', 'eu', 'global']],
]

/** Geographies of a region, the nearest first. */
function geographiesOf(region: string): string[] {
  if (region.startsWith('us-gov-')) return ['us-gov']
  if (/^ap-northeast-[13]$/.test(region)) return ['jp', 'apac', 'global']
  if (/^ap-southeast-[24]$/.test(region)) return ['au', 'apac', 'global']
  return [region.startsWith('ap-') ? 'apac' : region.slice(0, 2), 'global']
}

/**
 * Newer models of Bedrock answer only to the inference profile of a geography (`eu.anthropic.…`), which keeps the prompt
 * in it. Ids that name a profile already, ARNs, and models without a profile near the region stay as they are.
 * Source: Bedrock's user guide, supported Regions and models for inference profiles.
 */
export function bedrockPath(path: string, upstreamId: string, { region = '' }: PathVariables): string {
  // Tokens are counted by the model itself.
  if (path.endsWith('/count-tokens')) return path
  const offered = PROFILED.find(([models]) => models.test(upstreamId))?.[1] ?? []
  const geography = geographiesOf(region).find(
    (name) => offered.includes(name) || (name === 'us-gov' && offered.includes('us')),
  )
  return geography === undefined ? path : path.replace(/^\/model\//, `/model/${geography}.`)
}

/**
 * Vertex serves the verbs of every maker below a project and a location. Google's own models are asked by `v1beta1`, as
 * Google's clients do: what is new (thinking levels, ids of calls, streamed arguments) comes there first. Partners' stay
 * at `v1`.
 */
export function vertexPath(path: string, _upstreamId: string, { project, region }: PathVariables): string {
  const place = `projects/${encodeURIComponent(project ?? '')}/locations/${region}/publishers`
  return path.startsWith('/v1/publishers/')
    ? path.replace('/v1/publishers', `/v1/${place}`)
    : path.replace(/^\/v1(beta)?\//, `/v1beta1/${place}/google/`)
}

/** What sets Vertex apart from AI Studio: its paths, Claude in Anthropic's format, and embeddings that are predictions. */
export const vertex = {
  path: vertexPath,
  dialects: [[/^claude-/, 'vertex-messages']],
  // The multi-regions are no prefix of the host.
  regions: {
    global: 'https://aiplatform.googleapis.com',
    us: 'https://aiplatform.us.rep.googleapis.com',
    eu: 'https://aiplatform.eu.rep.googleapis.com',
  },
  // The tier goes into a header here.
  quirks: { embeddings: { predict: true }, unsupported: ['serviceTier'] },
} as const

/** Writer calls it `/chat`. */
export function writerPath(path: string): string {
  return path === '/chat/completions' ? '/chat' : path
}

/** Vertex' region when neither file nor environment names one: the multi-region address. */
export const vertexRegion: Variable = {
  env: ['GOOGLE_CLOUD_LOCATION', 'CLOUD_ML_REGION'],
  fallback: 'global',
}
