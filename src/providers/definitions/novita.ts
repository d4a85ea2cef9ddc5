import { compatible, defineProvider } from '../define.ts'

export default defineProvider('novita', 'Novita', {
  aliases: ['novita-ai'],
  about: ['https://novita.ai', 'US', '/legal/privacy-policy', '/legal/terms-of-service'],
  dialect: 'openai-chat',
  baseUrl: 'https://api.novita.ai/openai',
  env: ['NOVITA_API_KEY'],
  quirks: { ...compatible, reasoning: 'enable-thinking' },
  cancelStopsBilling: true,
  probe: '/models',
})
