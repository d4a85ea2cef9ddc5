import { compatible, defineProvider } from '../define.ts'

export default defineProvider('lmstudio', 'LM Studio', {
  aliases: ['lm-studio'],
  about: ['https://lmstudio.ai'],
  dialect: 'openai-chat',
  baseUrl: 'http://127.0.0.1:1234/v1',
  local: true,
  auth: { kind: 'optional-bearer' },
  env: ['LMSTUDIO_API_KEY', 'LM_API_TOKEN'],
  quirks: { ...compatible, reasoning: 'effort' },
  cancelStopsBilling: true,
  probe: '/models',
})
