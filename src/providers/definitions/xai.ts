import { defineProvider, OPEN_MODEL_SAMPLING } from '../define.ts'

export default defineProvider('xai', 'xAI', {
  aliases: ['x-ai', 'grok'],
  about: ['https://x.ai', 'US', '/legal/privacy-policy', '/legal/terms-of-service'],
  statusPageUrl: 'https://status.x.ai',
  dialect: 'openai-chat',
  baseUrl: 'https://api.x.ai/v1',
  env: ['XAI_API_KEY'],
  quirks: { unsupported: [...OPEN_MODEL_SAMPLING, 'logit_bias'], reasoning: 'effort' },
  cancelStopsBilling: true,
  probe: '/models',
})
