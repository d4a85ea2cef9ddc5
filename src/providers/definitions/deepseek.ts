import { deepseek, defineProvider } from '../define.ts'

export default defineProvider('deepseek', 'DeepSeek', {
  about: [
    'https://www.deepseek.com',
    'CN',
    'https://cdn.deepseek.com/policies/en-US/deepseek-privacy-policy.html',
  ],
  dialect: 'openai-chat',
  baseUrl: 'https://api.deepseek.com',
  env: ['DEEPSEEK_API_KEY'],
  quirks: deepseek,
  cancelStopsBilling: true,
  probe: '/models',
})
