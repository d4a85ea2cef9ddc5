import { compatible, defineProvider } from '../define.ts'

export default defineProvider('friendli', 'Friendli', {
  aliases: ['friendliai'],
  about: ['https://friendli.ai', 'US', '/privacy-policy', '/terms-of-service'],
  dialect: 'openai-chat',
  baseUrl: 'https://api.friendli.ai/serverless/v1',
  env: ['FRIENDLI_TOKEN'],
  quirks: { ...compatible, reasoning: 'effort' },
  cancelStopsBilling: true,
  probe: '/models',
})
