import { compatible, defineProvider } from '../define.ts'

export default defineProvider('inference-net', 'InferenceNet', {
  aliases: ['inference'],
  about: ['https://inference.net', 'US', '/privacy', '/terms-of-service'],
  dialect: 'openai-chat',
  baseUrl: 'https://api.inference.net/v1',
  env: ['INFERENCE_API_KEY', 'INFERENCE_NET_API_KEY'],
  quirks: { ...compatible, reasoning: 'none' },
  probe: '/models',
})
