import type { PathVariables, Variable } from './provider.ts'

/** Newest dated version of Azure OpenAI's data plane; a file can name another with `api_version`. */
const AZURE_API_VERSION = '2025-04-01-preview'

/** Azure names the deployment in the path and the version in the query; the Responses API takes the deployment from the body. */
export function azurePath(path: string, deployment: string, { apiVersion }: PathVariables): string {
  const below = path === '/responses' ? '' : `/deployments/${encodeURIComponent(deployment)}`
  return `/openai${below}${path}?api-version=${apiVersion ?? AZURE_API_VERSION}`
}

/** Vertex serves Gemini's verbs below a project and a location. */
export function vertexPath(path: string, _upstreamId: string, { project, region }: PathVariables): string {
  const place = `/v1/projects/${encodeURIComponent(project ?? '')}/locations/${region}/publishers/google/`
  return path.replace(/^\/v1(beta)?\//, place)
}

/** Writer calls it `/chat`. */
export function writerPath(path: string): string {
  return path === '/chat/completions' ? '/chat' : path
}

/** Vertex' region when neither file nor environment names one: the multi-region address. */
export const vertexRegion: Variable = { env: ['GOOGLE_CLOUD_LOCATION'], fallback: 'global' }
