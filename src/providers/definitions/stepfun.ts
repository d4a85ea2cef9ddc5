import { compatible, defineProvider } from '../define.ts'

export default defineProvider('stepfun', 'StepFun', {
  about: ['https://platform.stepfun.ai', 'CN'],
  dialect: 'openai-chat',
  baseUrl: 'https://api.stepfun.ai/v1',
  regions: { cn: 'https://api.stepfun.com/v1' },
  env: ['STEPFUN_API_KEY'],
  quirks: { ...compatible, reasoning: 'effort' },
  probe: '/models',
})
