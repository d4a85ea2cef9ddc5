import { compatible, defineProvider } from '../define.ts'

export default defineProvider('upstage', 'Upstage', {
  about: ['https://www.upstage.ai', 'KR'],
  dialect: 'openai-chat',
  baseUrl: 'https://api.upstage.ai/v1/solar',
  env: ['UPSTAGE_API_KEY'],
  quirks: { ...compatible, reasoning: 'effort' },
  probe: null,
})
