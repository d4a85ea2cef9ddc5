import { compatible, defineProvider } from '../define.ts'

export default defineProvider('digitalocean', 'DigitalOcean', {
  about: ['https://www.digitalocean.com', 'US', '/legal/privacy-policy', '/legal/terms-of-service-agreement'],
  dialect: 'openai-chat',
  baseUrl: 'https://inference.do-ai.run/v1',
  env: ['DIGITALOCEAN_ACCESS_TOKEN', 'DIGITALOCEAN_MODEL_ACCESS_KEY'],
  quirks: { ...compatible, reasoning: 'effort' },
  probe: '/models',
})
