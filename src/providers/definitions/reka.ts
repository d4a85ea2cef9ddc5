import { compatible, defineProvider } from '../define.ts'

export default defineProvider('reka', 'Reka', {
  about: ['https://reka.ai', 'US'],
  dialect: 'openai-chat',
  baseUrl: 'https://api.reka.ai/v1',
  env: ['REKA_API_KEY'],
  quirks: { ...compatible, reasoning: 'none' },
  probe: '/models',
})
