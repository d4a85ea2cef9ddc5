import { compatible, defineProvider } from '../define.ts'

export default defineProvider('fireworks', 'Fireworks', {
  aliases: ['fireworks-ai'],
  about: ['https://fireworks.ai', 'US', '/privacy-policy', '/terms-of-service'],
  statusPageUrl: 'https://status.fireworks.ai',
  dialect: 'openai-chat',
  baseUrl: 'https://api.fireworks.ai/inference/v1',
  env: ['FIREWORKS_API_KEY', 'FIREWORKS_AI_API_KEY'],
  quirks: { ...compatible, reasoning: 'effort' },
  cancelStopsBilling: true,
  probe: '/models',
})
