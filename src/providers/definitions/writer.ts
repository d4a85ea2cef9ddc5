import { compatible, defineProvider, writerPath } from '../define.ts'

export default defineProvider('writer', 'Writer', {
  about: ['https://writer.com', 'US'],
  dialect: 'openai-chat',
  baseUrl: 'https://api.writer.com/v1',
  env: ['WRITER_API_KEY'],
  quirks: { ...compatible, reasoning: 'none' },
  path: writerPath,
  probe: '/models',
})
