import { compatible, defineProvider } from '../define.ts'

export default defineProvider('together', 'Together', {
  aliases: ['togetherai', 'together-ai'],
  about: ['https://www.together.ai', 'US', '/privacy', '/terms-of-service'],
  statusPageUrl: 'https://status.together.ai',
  dialect: 'openai-chat',
  baseUrl: 'https://api.together.ai/v1',
  env: ['TOGETHER_API_KEY', 'TOGETHER_AI_API_KEY'],
  quirks: { ...compatible, reasoning: 'effort' },
  cancelStopsBilling: true,
  probe: '/models',
})
