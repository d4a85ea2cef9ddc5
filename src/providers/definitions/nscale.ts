import { compatible, defineProvider } from '../define.ts'

export default defineProvider('nscale', 'Nscale', {
  about: ['https://www.nscale.com', 'GB'],
  dialect: 'openai-chat',
  baseUrl: 'https://inference.api.nscale.com/v1',
  env: ['NSCALE_SERVICE_TOKEN', 'NSCALE_API_KEY'],
  quirks: { ...compatible, reasoning: 'effort' },
  probe: '/models',
})
