import { cerebras, defineProvider } from '../define.ts'

export default defineProvider('cerebras', 'Cerebras', {
  about: ['https://www.cerebras.ai', 'US', '/privacy-policy', '/terms-of-service'],
  statusPageUrl: 'https://status.cerebras.ai',
  dialect: 'openai-chat',
  baseUrl: 'https://api.cerebras.ai/v1',
  env: ['CEREBRAS_API_KEY'],
  quirks: cerebras,
  probe: '/models',
})
