import { defineProvider, openai } from '../define.ts'

export default defineProvider('openai', 'OpenAI', {
  about: ['https://openai.com', 'US', '/policies/privacy-policy', '/policies/terms-of-use'],
  statusPageUrl: 'https://status.openai.com',
  dialect: 'openai-chat',
  baseUrl: 'https://api.openai.com/v1',
  env: ['OPENAI_API_KEY'],
  quirks: { ...openai, reasoningFormat: 'openai-responses-v1' },
  cancelStopsBilling: true,
  probe: '/models',
})
