import { compatible, defineProvider } from '../define.ts'

export default defineProvider('hyperbolic', 'Hyperbolic', {
  about: ['https://hyperbolic.xyz', 'US'],
  dialect: 'openai-chat',
  baseUrl: 'https://api.hyperbolic.xyz/v1',
  env: ['HYPERBOLIC_API_KEY'],
  quirks: { ...compatible, reasoning: 'none' },
  cancelStopsBilling: true,
  probe: '/models',
})
