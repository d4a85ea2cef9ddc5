import { compatible, defineProvider } from '../define.ts'

export default defineProvider('featherless', 'Featherless', {
  aliases: ['featherless-ai'],
  about: ['https://featherless.ai', 'US', '/privacy', '/terms'],
  dialect: 'openai-chat',
  baseUrl: 'https://api.featherless.ai/v1',
  env: ['FEATHERLESS_API_KEY'],
  quirks: { ...compatible, reasoning: 'none' },
  probe: null,
})
