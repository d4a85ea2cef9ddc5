import { compatible, defineProvider } from '../define.ts'

export default defineProvider('inception', 'Inception', {
  about: ['https://www.inceptionlabs.ai', 'US'],
  dialect: 'openai-chat',
  baseUrl: 'https://api.inceptionlabs.ai/v1',
  env: ['INCEPTION_API_KEY'],
  quirks: { ...compatible, reasoning: 'effort' },
  probe: '/models',
})
