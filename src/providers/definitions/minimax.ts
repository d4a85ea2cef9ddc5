import { defineProvider, minimax } from '../define.ts'

export default defineProvider('minimax', 'Minimax', {
  about: ['https://www.minimax.io', 'CN', '/platform/protocol/privacy-policy'],
  dialect: 'openai-chat',
  baseUrl: 'https://api.minimax.io/v1',
  regions: { cn: 'https://api.minimaxi.com/v1' },
  env: ['MINIMAX_API_KEY'],
  quirks: minimax,
  probe: null,
})
