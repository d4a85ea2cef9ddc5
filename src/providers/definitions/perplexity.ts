import { defineProvider, perplexity } from '../define.ts'

export default defineProvider('perplexity', 'Perplexity', {
  about: ['https://www.perplexity.ai', 'US', '/hub/legal/privacy-policy'],
  dialect: 'openai-chat',
  baseUrl: 'https://api.perplexity.ai',
  env: ['PERPLEXITY_API_KEY', 'PPLX_API_KEY'],
  quirks: perplexity,
  probe: null,
})
