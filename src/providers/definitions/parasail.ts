import { compatible, defineProvider } from '../define.ts'

export default defineProvider('parasail', 'Parasail', {
  about: ['https://www.parasail.io', 'US', '/legal/privacy-policy', '/legal/terms'],
  dialect: 'openai-chat',
  baseUrl: 'https://api.parasail.io/v1',
  env: ['PARASAIL_API_KEY'],
  quirks: { ...compatible, reasoning: 'effort' },
  probe: '/models',
})
