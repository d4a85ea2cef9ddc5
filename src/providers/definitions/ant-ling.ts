import { compatible, defineProvider } from '../define.ts'

export default defineProvider('ant-ling', 'Ant Ling', {
  about: ['https://ant-ling.com', 'CN'],
  dialect: 'openai-chat',
  baseUrl: 'https://api.ant-ling.com/v1',
  env: ['ANT_LING_API_KEY'],
  quirks: { ...compatible, reasoning: 'none' },
  probe: '/models',
})
