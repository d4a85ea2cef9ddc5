import { compatible, defineProvider } from '../define.ts'

export default defineProvider('ovhcloud', 'OVHcloud', {
  aliases: ['ovh'],
  about: ['https://www.ovhcloud.com', 'FR', '/en/terms-and-conditions/privacy-policy/'],
  dialect: 'openai-chat',
  baseUrl: 'https://oai.endpoints.kepler.ai.cloud.ovh.net/v1',
  env: ['OVHCLOUD_API_KEY', 'OVH_AI_ENDPOINTS_ACCESS_TOKEN'],
  quirks: { ...compatible, reasoning: 'effort' },
  probe: null,
})
