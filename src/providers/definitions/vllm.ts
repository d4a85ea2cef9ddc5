import { defineProvider, openServer } from '../define.ts'

export default defineProvider('vllm', 'vLLM', {
  about: ['https://vllm.ai'],
  dialect: 'openai-chat',
  baseUrl: 'http://127.0.0.1:8000/v1',
  local: true,
  auth: { kind: 'optional-bearer' },
  env: ['VLLM_API_KEY'],
  quirks: openServer,
  cancelStopsBilling: true,
  probe: '/models',
})
