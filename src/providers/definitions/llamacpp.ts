import { compatible, defineProvider } from '../define.ts'

export default defineProvider('llamacpp', 'llama.cpp', {
  aliases: ['llama-cpp', 'llama-server'],
  about: ['https://github.com/ggml-org/llama.cpp'],
  dialect: 'openai-chat',
  baseUrl: 'http://127.0.0.1:8080/v1',
  local: true,
  auth: { kind: 'optional-bearer' },
  env: ['LLAMA_API_KEY'],
  quirks: { ...compatible, reasoning: 'effort' },
  cancelStopsBilling: true,
  probe: '/models',
})
