import { compatible, defineProvider } from '../define.ts'

export default defineProvider('venice', 'Venice', {
  aliases: ['venice-ai'],
  about: ['https://venice.ai', 'US', '/legal/privacy-policy', '/legal/tos'],
  dialect: 'openai-chat',
  baseUrl: 'https://api.venice.ai/api/v1',
  env: ['VENICE_API_KEY', 'VENICE_AI_API_KEY'],
  quirks: { ...compatible, reasoning: 'effort' },
  probe: null,
})
