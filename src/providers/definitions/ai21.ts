import { compatible, defineProvider } from '../define.ts'

export default defineProvider('ai21', 'AI21', {
  aliases: ['ai21-labs'],
  about: ['https://www.ai21.com', 'IL', '/privacy-policy', '/terms-of-service'],
  dialect: 'openai-chat',
  baseUrl: 'https://api.ai21.com/studio/v1',
  env: ['AI21_API_KEY'],
  quirks: { ...compatible, reasoning: 'none' },
  probe: null,
})
