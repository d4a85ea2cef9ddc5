import { compatible, defineProvider } from '../define.ts'

export default defineProvider('sambanova', 'SambaNova', {
  about: ['https://sambanova.ai', 'US', '/privacy-policy', '/terms-and-conditions'],
  dialect: 'openai-chat',
  baseUrl: 'https://api.sambanova.ai/v1',
  env: ['SAMBANOVA_API_KEY'],
  quirks: { ...compatible, unsupported: ['logit_bias', 'seed', 'n'], reasoning: 'effort' },
  probe: null,
})
