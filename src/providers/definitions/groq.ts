import { defineProvider, groq } from '../define.ts'

export default defineProvider('groq', 'Groq', {
  about: ['https://groq.com', 'US', '/privacy-policy', '/terms-of-use'],
  statusPageUrl: 'https://groqstatus.com',
  dialect: 'openai-chat',
  baseUrl: 'https://api.groq.com/openai/v1',
  env: ['GROQ_API_KEY'],
  quirks: groq,
  probe: '/models',
})
