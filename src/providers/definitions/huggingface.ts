import { compatible, defineProvider } from '../define.ts'

export default defineProvider('huggingface', 'Hugging Face', {
  aliases: ['hf', 'hugging-face'],
  about: ['https://huggingface.co', 'US', '/privacy', '/terms-of-service'],
  statusPageUrl: 'https://status.huggingface.co',
  dialect: 'openai-chat',
  baseUrl: 'https://router.huggingface.co/v1',
  env: ['HF_TOKEN', 'HUGGINGFACE_API_KEY', 'HUGGING_FACE_HUB_TOKEN'],
  quirks: { ...compatible, reasoning: 'effort' },
  probe: null,
})
