import { compatible, defineProvider } from '../define.ts'

export default defineProvider('gmicloud', 'GMICloud', {
  aliases: ['gmi'],
  about: ['https://www.gmicloud.ai', 'US'],
  dialect: 'openai-chat',
  baseUrl: 'https://api.gmi-serving.com/v1',
  env: ['GMICLOUD_API_KEY', 'GMI_API_KEY'],
  quirks: { ...compatible, reasoning: 'effort' },
  probe: '/models',
})
