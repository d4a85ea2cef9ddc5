import { compatible, defineProvider, nvidiaEmbeddings } from '../define.ts'

export default defineProvider('nvidia', 'Nvidia', {
  aliases: ['nim'],
  about: ['https://build.nvidia.com', 'US', 'https://www.nvidia.com/en-us/about-nvidia/privacy-policy/'],
  dialect: 'openai-chat',
  baseUrl: 'https://integrate.api.nvidia.com/v1',
  env: ['NVIDIA_API_KEY', 'NVIDIA_NIM_API_KEY'],
  quirks: { ...compatible, reasoning: 'none', embeddings: nvidiaEmbeddings },
  probe: null,
})
