import { compatible, defineProvider } from '../define.ts'

export default defineProvider('siliconflow', 'SiliconFlow', {
  about: ['https://www.siliconflow.com', 'SG'],
  dialect: 'openai-chat',
  baseUrl: 'https://api.siliconflow.com/v1',
  regions: { cn: 'https://api.siliconflow.cn/v1' },
  env: ['SILICONFLOW_API_KEY'],
  quirks: { ...compatible, reasoning: 'enable-thinking' },
  probe: '/models',
})
