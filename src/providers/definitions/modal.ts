import { compatible, defineProvider } from '../define.ts'

export default defineProvider('modal', 'Modal', {
  about: ['https://modal.com', 'US', '/legal/privacy-policy', '/legal/terms'],
  dialect: 'openai-chat',
  baseUrl: 'https://inference.us-west.modal.direct/v1',
  env: ['MODAL_PROXY_TOKEN'],
  quirks: { ...compatible, reasoning: 'effort' },
  probe: '/models',
})
