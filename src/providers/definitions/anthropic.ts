import { defineProvider } from '../define.ts'

export default defineProvider('anthropic', 'Anthropic', {
  aliases: ['claude'],
  about: ['https://www.anthropic.com', 'US', '/legal/privacy', '/legal/commercial-terms'],
  statusPageUrl: 'https://status.claude.com',
  dialect: 'anthropic-messages',
  baseUrl: 'https://api.anthropic.com',
  auth: { kind: 'header', name: 'x-api-key' },
  env: ['ANTHROPIC_API_KEY'],
  cancelStopsBilling: true,
  probe: '/v1/models',
})
