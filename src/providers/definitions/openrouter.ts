import { defineProvider } from '../define.ts'

export default defineProvider('openrouter', 'OpenRouter', {
  about: ['https://openrouter.ai', 'US', '/privacy', '/terms'],
  statusPageUrl: 'https://status.openrouter.ai',
  dialect: 'openai-chat',
  baseUrl: 'https://openrouter.ai/api/v1',
  env: ['OPENROUTER_API_KEY'],
  quirks: { reasoning: 'object', embeddings: { inputTypes: 'any' } },
  cancelStopsBilling: true,
  probe: '/key',
})
