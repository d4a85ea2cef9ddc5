import { compatible, defineProvider } from '../define.ts'

export default defineProvider('z-ai', 'Z.AI', {
  aliases: ['zai', 'zhipu', 'zhipuai'],
  about: ['https://z.ai', 'CN'],
  dialect: 'openai-chat',
  baseUrl: 'https://api.z.ai/api/paas/v4',
  regions: { cn: 'https://open.bigmodel.cn/api/paas/v4' },
  env: ['ZAI_API_KEY', 'ZHIPU_API_KEY', 'ZHIPUAI_API_KEY'],
  quirks: { ...compatible, reasoning: 'thinking-type' },
  probe: '/models',
})
