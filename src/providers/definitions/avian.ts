import { compatible, defineProvider } from '../define.ts'

export default defineProvider('avian', 'Avian', {
  about: ['https://avian.io', 'US', '/privacy', '/terms'],
  dialect: 'openai-chat',
  baseUrl: 'https://api.avian.io/v1',
  env: ['AVIAN_API_KEY'],
  quirks: { ...compatible, reasoning: 'effort' },
  cancelStopsBilling: true,
  probe: '/models',
})
