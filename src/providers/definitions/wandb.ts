import { compatible, defineProvider } from '../define.ts'

export default defineProvider('wandb', 'Weights & Biases', {
  aliases: ['weights-and-biases'],
  about: ['https://wandb.ai', 'US', 'https://site.wandb.ai/privacy/', 'https://site.wandb.ai/terms/'],
  dialect: 'openai-chat',
  baseUrl: 'https://api.inference.wandb.ai/v1',
  env: ['WANDB_API_KEY'],
  quirks: { ...compatible, reasoning: 'effort' },
  probe: '/models',
})
