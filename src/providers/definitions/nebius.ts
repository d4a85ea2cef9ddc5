import { compatible, defineProvider } from '../define.ts'

export default defineProvider('nebius', 'Nebius Token Factory', {
  about: ['https://nebius.com', 'NL', 'https://docs.nebius.com/legal/studio/privacy/'],
  dialect: 'openai-chat',
  baseUrl: 'https://api.tokenfactory.nebius.com/v1',
  env: ['NEBIUS_API_KEY'],
  quirks: { ...compatible, reasoning: 'effort' },
  probe: '/models',
})
