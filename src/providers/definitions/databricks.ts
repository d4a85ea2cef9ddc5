import { compatible, defineProvider } from '../define.ts'

export default defineProvider('databricks', 'Databricks', {
  about: ['https://www.databricks.com', 'US', '/legal/privacynotice'],
  dialect: 'openai-chat',
  baseUrl: 'https://{resource}.cloud.databricks.com/serving-endpoints',
  baseUrlEnv: ['DATABRICKS_HOST'],
  env: ['DATABRICKS_TOKEN'],
  quirks: { ...compatible, noStreamOptions: true, reasoning: 'effort' },
  probe: null,
})
