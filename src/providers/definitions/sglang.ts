import { compatible, defineProvider } from '../define.ts'

export default defineProvider('sglang', 'SGLang', {
  about: ['https://docs.sglang.ai'],
  dialect: 'openai-chat',
  baseUrl: 'http://127.0.0.1:30000/v1',
  local: true,
  auth: { kind: 'optional-bearer' },
  env: ['SGLANG_API_KEY'],
  quirks: { ...compatible, reasoning: 'effort' },
  cancelStopsBilling: true,
  probe: '/models',
})
