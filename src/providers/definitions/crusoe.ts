import { compatible, defineProvider } from '../define.ts'

export default defineProvider('crusoe', 'Crusoe', {
  about: ['https://www.crusoe.ai', 'US'],
  dialect: 'openai-chat',
  baseUrl: 'https://api.inference.crusoecloud.com/v1',
  env: ['CRUSOE_API_KEY'],
  // Recorded: what was thought before goes back in the field that it came in.
  quirks: { ...compatible, reasoning: 'effort', replayReasoning: 'reasoning' },
  probe: '/models',
})
