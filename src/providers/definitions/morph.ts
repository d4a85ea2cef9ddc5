import { compatible, defineProvider } from '../define.ts'

export default defineProvider('morph', 'Morph', {
  about: ['https://www.morphllm.com', 'US'],
  dialect: 'openai-chat',
  baseUrl: 'https://api.morphllm.com/v1',
  env: ['MORPH_API_KEY'],
  quirks: { ...compatible, reasoning: 'none' },
  probe: null,
})
