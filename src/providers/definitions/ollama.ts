import { compatible, defineProvider } from '../define.ts'

export default defineProvider('ollama', 'Ollama', {
  about: ['https://ollama.com'],
  dialect: 'openai-chat',
  baseUrl: 'http://127.0.0.1:11434/v1',
  baseUrlEnv: ['OLLAMA_HOST'],
  local: true,
  auth: { kind: 'optional-bearer' },
  env: [],
  quirks: { ...compatible, reasoning: 'effort' },
  cancelStopsBilling: true,
  probe: '/models',
})
