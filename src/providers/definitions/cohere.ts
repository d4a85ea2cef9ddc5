import { defineProvider } from '../define.ts'

export default defineProvider('cohere', 'Cohere', {
  about: ['https://cohere.com', 'CA', '/privacy', '/terms-of-use'],
  statusPageUrl: 'https://status.cohere.com',
  dialect: 'cohere',
  baseUrl: 'https://api.cohere.com',
  env: ['COHERE_API_KEY', 'CO_API_KEY'],
  cancelStopsBilling: true,
  probe: '/v1/models',
})
