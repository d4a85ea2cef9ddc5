import { compatible, defineProvider } from '../define.ts'

export default defineProvider('arcee-ai', 'Arcee AI', {
  aliases: ['arcee'],
  about: ['https://www.arcee.ai', 'US'],
  dialect: 'openai-chat',
  baseUrl: 'https://api.arcee.ai/api/v1',
  env: ['ARCEE_API_KEY'],
  quirks: { ...compatible, reasoning: 'effort' },
  probe: '/models',
})
