import { compatible, defineProvider } from '../define.ts'

export default defineProvider('scaleway', 'Scaleway', {
  about: ['https://www.scaleway.com', 'FR', '/en/privacy-policy/'],
  dialect: 'openai-chat',
  baseUrl: 'https://api.scaleway.ai/v1',
  env: ['SCALEWAY_API_KEY', 'SCW_SECRET_KEY'],
  quirks: { ...compatible, reasoning: 'effort' },
  probe: '/models',
})
