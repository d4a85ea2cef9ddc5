import { compatible, defineProvider } from '../define.ts'

export default defineProvider('baseten', 'BaseTen', {
  about: ['https://www.baseten.co', 'US', '/privacy-policy', '/terms-and-conditions'],
  dialect: 'openai-chat',
  baseUrl: 'https://inference.baseten.co/v1',
  env: ['BASETEN_API_KEY'],
  quirks: { ...compatible, reasoning: 'effort' },
  probe: '/models',
})
