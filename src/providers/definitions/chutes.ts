import { compatible, defineProvider } from '../define.ts'

export default defineProvider('chutes', 'Chutes', {
  about: ['https://chutes.ai', 'US', '/privacy', '/terms'],
  dialect: 'openai-chat',
  baseUrl: 'https://llm.chutes.ai/v1',
  env: ['CHUTES_API_KEY', 'CHUTES_API_TOKEN'],
  quirks: { ...compatible, reasoning: 'effort' },
  cancelStopsBilling: true,
  probe: null,
})
