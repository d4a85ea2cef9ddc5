import { compatible, defineProvider } from '../define.ts'

export default defineProvider('moonshotai', 'Moonshot AI', {
  aliases: ['moonshot', 'moonshot-ai', 'kimi'],
  about: ['https://platform.moonshot.ai', 'CN', '/docs/agreement/userprivacy', '/docs/agreement/modeluse'],
  dialect: 'openai-chat',
  baseUrl: 'https://api.moonshot.ai/v1',
  regions: { cn: 'https://api.moonshot.cn/v1' },
  env: ['MOONSHOT_API_KEY'],
  quirks: { ...compatible, reasoning: 'thinking-type', assistantPrefix: 'partial' },
  probe: '/models',
})
