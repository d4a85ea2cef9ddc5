import { defineProvider, openServer } from '../define.ts'

export default defineProvider('sglang', 'SGLang', {
  about: ['https://docs.sglang.ai'],
  dialect: 'openai-chat',
  baseUrl: 'http://127.0.0.1:30000/v1',
  local: true,
  auth: { kind: 'optional-bearer' },
  env: ['SGLANG_API_KEY'],
  quirks: openServer,
  cancelStopsBilling: true,
  probe: '/models',
})
