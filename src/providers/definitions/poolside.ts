import { compatible, defineProvider } from '../define.ts'

export default defineProvider('poolside', 'Poolside', {
  about: ['https://poolside.ai', 'US'],
  dialect: 'openai-chat',
  baseUrl: 'https://inference.poolside.ai/v1',
  env: ['POOLSIDE_API_KEY'],
  quirks: { ...compatible, reasoning: 'effort' },
  probe: '/models',
})
