import { azurePath, defineProvider, openai } from '../define.ts'

export default defineProvider('azure', 'Azure', {
  aliases: ['azure-openai'],
  about: ['https://azure.microsoft.com', 'US', 'https://privacy.microsoft.com'],
  dialect: 'openai-chat',
  baseUrl: 'https://{resource}.openai.azure.com',
  baseUrlEnv: ['AZURE_OPENAI_ENDPOINT'],
  auth: { kind: 'header', name: 'api-key' },
  env: ['AZURE_OPENAI_API_KEY', 'AZURE_API_KEY'],
  quirks: { ...openai, reasoningFormat: 'azure-openai-responses-v1' },
  cancelStopsBilling: true,
  path: azurePath,
  probe: '/models',
})
