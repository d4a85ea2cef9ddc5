import { compatible, defineProvider } from '../define.ts'

export default defineProvider('doubleword', 'Doubleword', {
  about: ['https://www.doubleword.ai', 'GB'],
  dialect: 'openai-chat',
  baseUrl: 'https://api.doubleword.ai/v1',
  env: ['DOUBLEWORD_API_KEY'],
  quirks: { ...compatible, reasoning: 'effort' },
  probe: '/models',
})
