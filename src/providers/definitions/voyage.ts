import { defineProvider, voyage } from '../define.ts'

export default defineProvider('voyage', 'VoyageAI by MongoDB', {
  aliases: ['voyageai'],
  about: ['https://www.voyageai.com', 'US', '/privacy', '/tos'],
  dialect: 'openai-chat',
  baseUrl: 'https://api.voyageai.com/v1',
  env: ['VOYAGE_API_KEY'],
  quirks: voyage,
  probe: null,
})
