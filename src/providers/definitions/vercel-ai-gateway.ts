import { defineProvider } from '../define.ts'

export default defineProvider('vercel-ai-gateway', 'Vercel AI Gateway', {
  aliases: ['vercel', 'vercel-gateway'],
  about: ['https://vercel.com', 'US', '/legal/privacy-policy', '/legal/terms'],
  dialect: 'openai-chat',
  baseUrl: 'https://ai-gateway.vercel.sh/v1',
  env: ['AI_GATEWAY_API_KEY'],
  quirks: { reasoning: 'object' },
  probe: '/credits',
})
