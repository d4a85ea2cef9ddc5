import { defineProvider, vertex, vertexRegion } from '../define.ts'

export default defineProvider('google-vertex', 'Google Vertex', {
  aliases: ['vertex', 'vertex-ai'],
  about: ['https://cloud.google.com', 'US', '/terms/cloud-privacy-notice', '/terms/'],
  statusPageUrl: 'https://status.cloud.google.com',
  dialect: 'gemini',
  baseUrl: 'https://{region}-aiplatform.googleapis.com',
  variables: { project: { env: ['GOOGLE_CLOUD_PROJECT'] }, region: vertexRegion },
  auth: { kind: 'google' },
  env: ['GOOGLE_CLOUD_API_KEY'],
  ...vertex,
  probe: null,
})
