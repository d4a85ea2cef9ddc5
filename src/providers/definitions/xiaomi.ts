import { compatible, defineProvider } from '../define.ts'

export default defineProvider('xiaomi', 'Xiaomi', {
  aliases: ['mimo'],
  about: ['https://platform.xiaomimimo.com', 'CN'],
  dialect: 'openai-chat',
  baseUrl: 'https://api.xiaomimimo.com/v1',
  env: ['XIAOMI_API_KEY', 'XIAOMI_MIMO_API_KEY'],
  quirks: { ...compatible, reasoning: 'thinking-type' },
  probe: '/models',
})
