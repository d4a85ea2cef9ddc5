import { defineProvider, openai } from '../define.ts'

export default defineProvider('meta', 'Meta', {
  aliases: ['meta-ai'],
  about: ['https://llama.developer.meta.com', 'US'],
  dialect: 'openai-responses',
  baseUrl: 'https://api.meta.ai/v1',
  env: ['META_MODEL_API_KEY', 'META_API_KEY'],
  quirks: openai,
  probe: '/models',
})
