import { defineProvider, mistral } from '../define.ts'

export default defineProvider('mistral', 'Mistral', {
  aliases: ['mistralai'],
  about: ['https://mistral.ai', 'FR', '/terms/#privacy-policy', '/terms/#terms-of-use'],
  statusPageUrl: 'https://status.mistral.ai',
  dialect: 'openai-chat',
  baseUrl: 'https://api.mistral.ai/v1',
  env: ['MISTRAL_API_KEY'],
  quirks: mistral,
  probe: '/models',
})
