import { compatible, defineProvider, onlyFloats } from '../define.ts'

export default defineProvider('deepinfra', 'DeepInfra', {
  aliases: ['deep-infra'],
  about: ['https://deepinfra.com', 'US', '/privacy', '/terms'],
  statusPageUrl: 'https://status.deepinfra.com',
  dialect: 'openai-chat',
  baseUrl: 'https://api.deepinfra.com/v1/openai',
  env: ['DEEPINFRA_API_KEY', 'DEEPINFRA_TOKEN'],
  quirks: { ...compatible, reasoning: 'effort', embeddings: onlyFloats },
  cancelStopsBilling: true,
  probe: null,
})
