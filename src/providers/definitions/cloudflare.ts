import { compatible, defineProvider } from '../define.ts'

export default defineProvider('cloudflare', 'Cloudflare', {
  aliases: ['workers-ai', 'cloudflare-workers-ai'],
  about: ['https://www.cloudflare.com', 'US', 'https://developers.cloudflare.com/workers-ai/privacy'],
  statusPageUrl: 'https://www.cloudflarestatus.com',
  dialect: 'openai-chat',
  baseUrl: 'https://api.cloudflare.com/client/v4/accounts/{account}/ai/v1',
  variables: { account: { env: ['CLOUDFLARE_ACCOUNT_ID'] } },
  env: ['CLOUDFLARE_API_TOKEN', 'CLOUDFLARE_API_KEY'],
  quirks: { ...compatible, reasoning: 'effort' },
  cancelStopsBilling: true,
  probe: null,
})
