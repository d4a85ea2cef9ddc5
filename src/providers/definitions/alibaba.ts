import { compatible, defineProvider, onlyFloats } from '../define.ts'

export default defineProvider('alibaba', 'Alibaba', {
  aliases: ['qwen', 'dashscope', 'alibaba-cloud'],
  about: ['https://www.alibabacloud.com', 'CN', '/help/en/legal'],
  dialect: 'openai-chat',
  baseUrl: 'https://dashscope-intl.aliyuncs.com/compatible-mode/v1',
  regions: { cn: 'https://dashscope.aliyuncs.com/compatible-mode/v1' },
  env: ['DASHSCOPE_API_KEY', 'ALIBABA_API_KEY'],
  quirks: { ...compatible, reasoning: 'enable-thinking', assistantPrefix: 'partial', embeddings: onlyFloats },
  probe: '/models',
})
