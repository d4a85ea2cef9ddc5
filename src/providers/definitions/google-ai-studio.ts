import { defineProvider } from '../define.ts'

export default defineProvider('google-ai-studio', 'Google AI Studio', {
  aliases: ['gemini', 'google'],
  about: ['https://ai.google.dev', 'US', 'https://policies.google.com/privacy', '/gemini-api/terms'],
  dialect: 'gemini',
  baseUrl: 'https://generativelanguage.googleapis.com',
  auth: { kind: 'header', name: 'x-goog-api-key' },
  env: ['GEMINI_API_KEY', 'GOOGLE_API_KEY', 'GOOGLE_GENERATIVE_AI_API_KEY'],
  probe: '/v1beta/models',
})
